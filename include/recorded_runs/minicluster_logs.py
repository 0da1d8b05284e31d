"""`kubectl logs` of MiniClusters, with or without `--timestamps`, a file per run.

Source: https://github.com/converged-computing/operator-experiments, `google/service-timing` (the
kubelet's timestamps) and `google/scheduler` (a header with `recorded-at:`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.parsers.kubelet_log import split_stamp
from include.recorded_runs import Experiment, Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, run_of
from include.recorded_runs._logs import first_line_with, raw_lines, try_parse
from include.recorded_runs._text import chunks_of
from include.recorded_runs.flux_cloud import SUBMIT, count_in, require_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from include.recorded_runs import Run

_SIGNS = (b"Hello, I'm ", b"flux submit", b"lmp ")
_NODES = re.compile(r"submit\b.*? -N ?([0-9]+)\b")
_TASKS = re.compile(r"submit\b.*? -n ?([0-9]+)\b")
_FACTORS = (
    re.compile(r"(?P<factor>[a-z-]+?)-batch-[0-9]+-iter-[0-9]+"),  # the scheduler
    re.compile(r"lammps-[0-9]+-(?P<factor>.+)"),  # the setup of the network
)
_BEGIN, _LAST = "LAMMPS (", "Total wall time:"
_LEFT_OUT = "launcher times are not known: nothing timed Flux' commands"


class MiniclusterLogs(Layout):
    """Logs of the lead broker from `kubectl`."""

    title = "kubectl logs of MiniClusters"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per folder, or per folder of `logs` folders."""
        logs = (file for file in files if file.suffix in {".log", ".txt"} and _is_minicluster(file))
        for root, own in by_experiment(logs, _root_of).items():
            yield Source(layout=self, root=root, logs=own)

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs, in order of their timestamps where the logs have them."""
        runs = []
        for log in source.logs:
            runs.append(_run(log, root=source.root))
            on_read(log)
        stamps = [run.fields.get("launcher_started_at") for run in runs]
        is_ordered = bool(runs) and all(stamps)
        if is_ordered:
            runs.sort(key=lambda run: run.fields["launcher_started_at"])
        order = () if is_ordered else ("the order of the runs is not known",)
        return Experiment(
            layout=self.title,
            k8s_operator="flux_operator",
            root=source.root,
            runs=tuple(runs),
            is_ordered=is_ordered,
            began=min((stamp for stamp in stamps if stamp), default=None),
            notes=(_LEFT_OUT, *order),
        )


def _is_minicluster(file: Path) -> bool:
    try:
        head = next(chunks_of(file), b"")
    except OSError:
        return False
    return file.name != "log.out" and all(sign in head for sign in _SIGNS)


def _root_of(log: Path) -> Path:
    return log.parent.parent.parent if log.parent.name == "logs" else log.parent


def _run(log: Path, *, root: Path) -> Run:
    command = try_parse(log, first_line_with(SUBMIT))
    factor = _factor(log)
    ranks = count_in(_TASKS, command)

    def measure() -> _readings.Reading:
        require_success(log)
        return _readings.measured(log, command=command, ranks=ranks)

    stamps = _stamps(log)
    return run_of(
        log,
        name=log.relative_to(root).with_suffix("").as_posix(),
        measure=measure,
        nodes=count_in(_NODES, command),
        ranks=ranks,
        fields={
            "application": _readings.application_of(log, command),
            "k8s_operator": f"flux_operator {factor}" if factor else "flux_operator",
            **stamps,
        },
        more=lambda: _durations(stamps),
    )


def _factor(log: Path) -> str | None:
    """The run's setup from the file's name, or else its folder's."""
    for pattern in _FACTORS:
        if match := pattern.match(log.stem):
            return match["factor"]
    return None


def _stamps(log: Path) -> dict[str, datetime]:
    """The kubelet's instants of the launcher and LAMMPS; none if a line has no timestamp."""
    instants: dict[str, datetime] = {}
    try:
        for line in raw_lines(log):
            stamp, text = split_stamp(line)
            instants.setdefault("launcher_started_at", stamp)
            instants["launcher_finished_at"] = stamp
            if text.startswith(_BEGIN):
                instants.setdefault("app_started_at", stamp)
            elif text.startswith(_LAST):
                instants["app_finished_at"] = stamp
    except (ParseError, OSError):
        return {}
    return instants


def _durations(stamps: dict[str, datetime]) -> dict[str, Any]:
    pairs = {
        "app_s": ("app_started_at", "app_finished_at"),
        "shutdown_s": ("app_finished_at", "launcher_finished_at"),
    }
    return {
        name: (stamps[end] - stamps[begin]).total_seconds()
        for name, (begin, end) in pairs.items()
        if begin in stamps and end in stamps
    }


ADAPTER = MiniclusterLogs()
