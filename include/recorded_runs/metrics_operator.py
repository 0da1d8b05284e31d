"""metrics-operator: a JSON file per run with the log as an array of lines and the MetricSet.

Source: https://github.com/converged-computing/metrics-operator-experiments, `*/data/*/cache`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, ParseError
from include.parsers.lines import shown
from include.recorded_runs import Experiment, Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, run_of
from include.recorded_runs._logs import place_of
from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Run

_SIGN = b'"METRICS OPERATOR COLLECTION START"'
_POINT, _END = "METRICS OPERATOR TIMEPOINT", "METRICS OPERATOR COLLECTION END"
_TASKS = re.compile(r" -np? ([0-9]+)\b")
_FAILURE = re.compile(r"KILLED BY SIGNAL|BAD TERMINATION|^ERROR|mpirun noticed|PRTE has lost")
_CACHE = "cache"


class MetricsOperator(Layout):
    """One file per MetricSet, with a run per point of time."""

    title = "metrics-operator"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per folder `cache`; the tables beside it repeat the same runs."""
        logs = (
            file
            for file in files
            if file.suffix == ".json" and file.parent.name == _CACHE and _is_metrics(file)
        )
        for root, own in by_experiment(logs, lambda log: log.parent.parent).items():
            beside = tuple(f for f in files if f.parent == root and f.suffix == ".json")
            yield Source(layout=self, root=root, logs=own, others=beside)

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs by name: their order is in no file."""
        runs: list[Run] = []
        for log in source.logs:
            runs += _runs(log)
            on_read(log)
        return Experiment(
            layout=self.title,
            k8s_operator="metrics_operator",
            root=source.root,
            runs=tuple(runs),
            is_ordered=False,
            notes=("launcher times are not known, nor is the order of the runs",),
        )


def _is_metrics(file: Path) -> bool:
    try:
        return any(_SIGN in chunk for chunk in chunks_of(file))
    except OSError:
        return False


def _runs(log: Path) -> list[Run]:
    try:
        metadata, points = _content(log)
    except ParseError as err:
        return [run_of(log, name=log.stem, measure=_raising(err), nodes=None)]
    command = str(metadata.get("metricOptions", {}).get("command", ""))
    tasks, pods = _TASKS.search(command), metadata.get("pods")
    several = len(points) > 1
    return [
        run_of(
            log,
            name=f"{log.stem}/{number}" if several else log.stem,
            measure=_measuring(
                lines, place_of(log), command=command, ranks=int(tasks[1]) if tasks else None
            ),
            nodes=pods if isinstance(pods, int) else None,
            ranks=int(tasks[1]) if tasks else None,
            fields={"application": _readings.application_of(log, command)},
        )
        for number, lines in enumerate(points, start=1)
    ]


def _measuring(
    lines: Sequence[str], place: str, *, command: str, ranks: int | None
) -> Callable[[], _readings.Reading]:
    def measure() -> _readings.Reading:
        try:
            return _readings.measured_lines(lines, place=place, command=command, ranks=ranks)
        except ParseError as err:
            if complaint := next(filter(_FAILURE.search, lines), None):
                raise JobFailed(f"{err}; the log says {shown(complaint)}") from err
            raise

    return measure


def _raising(error: ParseError) -> Callable[[], _readings.Reading]:
    def measure() -> _readings.Reading:
        raise error

    return measure


def _content(log: Path) -> tuple[dict[str, Any], list[list[str]]]:
    """The metric's metadata, and the lines of each point of time."""
    try:
        data = json.loads(b"".join(chunks_of(log)))["data"]
        lines, metadata = [str(line) for line in data["data"]], dict(data["metadata"])
    except (ValueError, KeyError, TypeError) as err:
        raise ParseError(f"{place_of(log)} is no log of the metrics-operator: {err!r}") from err
    points: list[list[str]] = []
    for line in lines:
        if line.startswith(_POINT):
            points.append([])
        elif line.startswith(_END):
            break
        elif points:
            points[-1].append(line)
    return metadata, points or [lines]


ADAPTER = MetricsOperator()
