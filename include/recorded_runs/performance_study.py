"""performance-study: a log per run, with Flux's jobspec and event log after the output.

Source: https://github.com/converged-computing/performance-study, `experiments/*/*/*/size*/results`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import ParseError
from include.recorded_runs import Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, name_below, root_above_sizes, run_of
from include.recorded_runs._flux_jobs import FluxJob, experiment, read_job
from include.recorded_runs._logs import parsed, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Experiment, Run

_JOBSPEC, _EVENTS = "START OF JOBSPEC", "START OF EVENTLOG"
_TAIL_BYTES = 65_536
_KUBERNETES = {"eks", "gke", "aks"}
_NOTE = "launcher time is from the start of Flux' shells on all nodes to their end (event log)"


class PerformanceStudy(Layout):
    """One file per run: output, jobspec, event log."""

    title = "performance-study"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per machine: the folder with the folders of sizes."""
        logs = (file for file in files if file.suffix == ".out" and _has_jobspec(file))
        for root, own in by_experiment(logs, root_above_sizes).items():
            yield Source(layout=self, root=root, logs=own)

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs, in the order in which Flux started them."""
        runs = []
        for log in source.logs:
            runs.append(_run(log, root=source.root))
            on_read(log)
        is_kubernetes = bool(_KUBERNETES & set(source.root.parts))
        operator = "flux_operator" if is_kubernetes else "flux"
        return experiment(source, runs, k8s_operator=operator, note=_NOTE)


def _has_jobspec(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            return _JOBSPEC.encode() in opened.read()
    except OSError:
        return False


def _run(log: Path, *, root: Path) -> tuple[FluxJob, Run]:
    job, error = FluxJob(), None
    try:
        job = parsed(log, lambda lines: _job(lines, place=place_of(log)))
    except ParseError as err:
        error = err

    def measure() -> _readings.Reading:
        if error is not None:
            raise error
        job.require_success(place_of(log))
        return _readings.measured(log, command=job.command, ranks=job.ranks)

    return job, run_of(
        log,
        name=name_below(log, root),
        measure=measure,
        nodes=job.nodes,
        ranks=job.ranks,
        fields={"application": _readings.application_of(log, job.command), "binding": job.binding},
        more=lambda: {"launcher_time_s": job.shell_s},
    )


def _job(lines: Iterable[str], *, place: str) -> FluxJob:
    """The job after the output; ParseError when a block is missing or is not JSON."""
    behind = iter(lines)
    for line in behind:
        if line.strip() == _JOBSPEC:
            break
    spec = next(behind, "")
    marker = next(behind, "").strip()
    if marker != _EVENTS:
        raise ParseError(f"no line {_EVENTS!r} after the jobspec")
    return read_job(spec, [line for line in behind if line.startswith("{")], place=place)


ADAPTER = PerformanceStudy()
