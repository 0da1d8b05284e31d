"""Logs with `flux job info` beside them: `lammps-3.log` and `lammps-3-info.json` of one job.

Source: https://github.com/converged-computing/operator-experiments, `aws/lammps/hpc7g`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import ParseError
from include.recorded_runs import Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, run_of
from include.recorded_runs._flux_jobs import FluxJob, experiment, read_info
from include.recorded_runs._logs import place_of
from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Experiment, Run

_INFO = "-info.json"
_NOTE = "launcher time is from the begin of the job's run to its clean-up, by Flux' job info"


class FluxJobInfo(Layout):
    """Log and job info, a pair per run."""

    title = "logs with Flux' job info"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per folder of pairs."""
        known = set(files)
        logs = (file for file in files if file.suffix == ".log" and _info_of(file) in known)
        for root, own in by_experiment(logs, lambda log: log.parent).items():
            infos = tuple(_info_of(log) for log in own)
            yield Source(layout=self, root=root, logs=own, others=infos)

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs, in order of submission."""
        runs = []
        for log in source.logs:
            runs.append(_run(log))
            on_read(log)
        return experiment(source, runs, k8s_operator="flux_operator", note=_NOTE)


def _info_of(log: Path) -> Path:
    return log.with_name(f"{log.stem}{_INFO}")


def _run(log: Path) -> tuple[FluxJob, Run]:
    info, place = _info_of(log), place_of(_info_of(log))
    job, error = FluxJob(), None
    try:
        job = read_info(b"".join(chunks_of(info)).decode(errors="replace"), place=place)
    except ParseError as err:
        error = err
    except OSError as err:
        error = ParseError(f"{place} cannot be read: {err.strerror}")

    def measure() -> _readings.Reading:
        if error is not None:
            raise error
        job.require_success(place)
        return _readings.measured(log, command=None, ranks=job.ranks)

    return job, run_of(
        log,
        name=log.stem,
        measure=measure,
        nodes=job.nodes,
        ranks=job.ranks,
        fields={"application": _readings.application_of(log, None)},
        more=lambda: {"launcher_time_s": job.shell_s},
    )


ADAPTER = FluxJobInfo()
