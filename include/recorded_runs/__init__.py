"""Experiment folders made by other tools, one layout each, read into records."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include import adapters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from include.errors import BenchmarkError


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of an experiment, from its files; None: they do not say."""

    name: str  # unique in its experiment
    file: Path  # its actual or expected file
    nodes: int | None
    ranks: int | None
    is_discarded: bool = False  # excluded by those who ran it
    error: BenchmarkError | None = None
    fields: dict[str, Any] = field(default_factory=dict)  # further fields of its record
    cluster_run_s: float | None = None  # flux-cloud: creation, and the previous deletion
    runner_end_to_end_s: float | None = None  # MPI runner: from the operator's first log line
    text_sha256: str | None = None  # hash of its log's lines; None: nothing valid was read


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Runs of one operator with one tool, in chronological order where known."""

    layout: str  # title of the layout
    k8s_operator: str
    root: Path
    runs: tuple[Run, ...]
    is_ordered: bool = True  # some file gives the order of the runs
    began: datetime | None = None  # start, to order experiments; None: in no file
    fields: dict[str, Any] = field(default_factory=dict)  # fields of all runs' records
    problems: tuple[str, ...] = ()  # other things that could not be read, besides the runs
    notes: tuple[str, ...] = ()  # important facts for the reader


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files of one experiment, not yet read."""

    layout: Layout
    root: Path
    logs: tuple[Path, ...]  # one per run
    others: tuple[Path, ...] = ()  # further files, read or known
    foreign: tuple[Path, ...] = ()  # logs of programs without a parser

    def read(self, on_read: Callable[[Path], None]) -> Experiment:
        """The experiment; calls `on_read` for each log once it has been read."""
        return self.layout.read(self, on_read)


class Layout(ABC):
    """The layout of one tool's experiments. Its module sets `ADAPTER` to an instance."""

    title: str
    last: int = 0  # layouts with larger values look later at unclaimed files

    @abstractmethod
    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """The experiments among sorted files; a file that no layout claims is reported."""

    @abstractmethod
    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs of an experiment; a faulty run has an `error`, which is never raised."""


def layouts() -> tuple[Layout, ...]:
    """All layouts that find their experiments by themselves, the less specific ones last."""
    package = sys.modules[__name__]
    known = [adapters.load(package, name) for name in adapters.available(package)]
    return tuple(sorted(known, key=lambda layout: layout.last))


def layout_names() -> tuple[str, ...]:
    """The names of the layouts that can be requested."""
    return adapters.available(sys.modules[__name__])


def layout_named(name: str) -> Layout:
    """The layout of that name; StudyError listing the valid ones otherwise."""
    layout: Layout = adapters.load(sys.modules[__name__], name)
    return layout
