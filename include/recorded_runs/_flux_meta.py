"""flux-cloud's `meta.json`: jobs, and the duration of each run as seen by the tool."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "meta.json"
_RUN = "minicluster-run-"
_SIZE = "-minicluster-size-"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job's definition; None: unknown."""

    command: str | None = None
    tasks: int | None = None


@dataclass(frozen=True, kw_only=True)
class Meta:
    """The content of the file; empty when there is none."""

    times: dict[str, float | None] = field(default_factory=dict)  # seconds, in the order of runs
    jobs: dict[str, Job] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # nodes by job
    fields: dict[str, Any] = field(default_factory=dict)  # fields of every record

    @property
    def names(self) -> tuple[str, ...]:
        """Every run that was made or defined, in the order of runs where known."""
        sizes = self.sizes.items()
        defined = (f"{job}{_SIZE}{size}" for job, size in sizes if job not in self.times)
        return tuple(dict.fromkeys([*self.times, *defined]))

    def job(self, name: str) -> Job:
        """The job of a run."""
        return self.jobs.get(job_of(name), Job())

    def run_s(self, name: str) -> float | None:
        """Seconds from the run's creation to its end, including the previous run's deletion."""
        return self.times.get(name)

    def place(self, name: str, natural: tuple[Any, ...]) -> tuple[Any, ...]:
        """Sorting key: as in `times`, with missing runs last, by name."""
        names = self.names
        return (names.index(name) if name in names else len(names), natural)


def job_of(name: str) -> str:
    """The job's name in the name of a run; the same if it has no size."""
    return name.rpartition(_SIZE)[0] or name


def read_meta(path: Path | None) -> tuple[Meta, tuple[str, ...]]:
    """The file's content and its faults; for None, a note that there is no such file."""
    if path is None:
        return Meta(), ("meta.json is missing: order and run times are not known",)
    try:
        # Numbers as they are written: the version 1.30 is not 1.3.
        text = b"".join(chunks_of(path)).decode()
        return _meta(json.loads(text, parse_float=str))
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as err:
        complaint = f"{type(err).__name__}: {err}"
        problem = f"{path.name} cannot be read, so order and run times are not known: {complaint}"
        return Meta(), (problem,)


def _meta(data: dict[str, Any]) -> tuple[Meta, tuple[str, ...]]:
    given = {
        name.removeprefix(_RUN): seconds
        for name, seconds in data["times"].items()
        if name.startswith(_RUN)
    }
    times = {name: _seconds(value) for name, value in given.items()}
    problems = tuple(
        f"{_FILE} has no time of {name}: {given[name]!r}"
        for name, seconds in times.items()
        if seconds is None
    )
    jobs = data.get("jobs") or {}
    kubernetes = data.get("kubernetes") or {}
    meta = Meta(
        times=times,
        jobs={
            name: Job(command=_text(job.get("command")), tasks=_count(job.get("tasks")))
            for name, job in jobs.items()
        },
        sizes={name: size for name, job in jobs.items() if (size := _count(job.get("size")))},
        fields={
            "instance_type": _text(data.get("machine")),
            "kubernetes_version": _text(kubernetes.get("version")),
        },
    )
    return meta, problems


def _seconds(value: Any) -> float | None:
    """A time, None for anything else: the run keeps its place in the order."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) else None


def _count(value: Any) -> int | None:
    """A number of ranks or nodes, given as a number or text; None when unknown."""
    return int(value) if str(value).isdecimal() and int(value) > 0 else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
