"""LAMMPS logs of any origin: the user's pattern extracts the factors in their paths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.recorded_runs import Experiment, Layout, Source, _readings
from include.recorded_runs._bare import name_below, run_of
from include.recorded_runs._path_pattern import PathPattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Run
    from include.recorded_runs._path_pattern import Factors

NAME = "paths"
UNKNOWN = "unknown"
_UNORDERED = "the order of the runs is not known, so nothing tells a drift from a difference"


class Paths(Layout):
    """Logs found by a pattern of their paths."""

    title = "paths with a pattern"
    last = 2

    def __init__(self, *patterns: str, title: str | None = None) -> None:
        """StudyError for a pattern with an unknown factor."""
        self._patterns = tuple(PathPattern(text) for text in patterns)
        self.title = title or self.title

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per `{study}`, or one of all logs."""
        logs: dict[str | None, list[Path]] = {}
        for file in files:
            if factors := self._factors(file):
                logs.setdefault(factors.study, []).append(file)
        for own in logs.values():
            yield Source(layout=self, root=_common(own), logs=tuple(own))

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs, by arm, size and repeat."""
        known = {log: self._require(log) for log in source.logs}
        runs = []
        for log in sorted(source.logs, key=lambda log: _place(known[log], log)):
            runs.append(_run(log, known[log], root=source.root))
            on_read(log)
        return Experiment(
            layout=self.title,
            k8s_operator=UNKNOWN,
            root=source.root,
            runs=tuple(runs),
            is_ordered=False,
            notes=(_UNORDERED, "launcher times are not known: the logs are the application's own"),
        )

    def _factors(self, file: Path) -> Factors | None:
        matches = (pattern.match(file) for pattern in self._patterns)
        return next((factors for factors in matches if factors), None)

    def _require(self, file: Path) -> Factors:
        factors = self._factors(file)
        if factors is None:
            raise StudyError(f"{file} does not fit the pattern")
        return factors


def _run(log: Path, factors: Factors, *, root: Path) -> Run:
    nodes = factors.nodes
    per_node = factors.ranks_per_node
    if nodes is None and per_node and factors.ranks and factors.ranks % per_node == 0:
        nodes = factors.ranks // per_node
    ranks = factors.ranks or (nodes * per_node if nodes and per_node else None)
    return run_of(
        log,
        name=name_below(log, root),
        measure=lambda: _readings.measured(log, command=None, ranks=ranks),
        nodes=nodes,
        ranks=ranks,
        fields={
            "application": _readings.application_of(log, None),
            "k8s_operator": factors.arm or UNKNOWN,
            "instance_type": factors.instance_type,
        },
    )


def _place(factors: Factors, log: Path) -> tuple[str, int, int, int, str]:
    sizes = (factors.nodes or 0, factors.ranks or 0, factors.repeat or 0)
    return (factors.arm or "", *sizes, str(log))


def _common(logs: Sequence[Path]) -> Path:
    """The deepest folder that contains all the logs."""
    folder = logs[0].parent
    shared = os.path.commonpath([str(log.parent) for log in logs])
    return next(each for each in (folder, *folder.parents) if str(each) == shared)


ADAPTER = Paths()
