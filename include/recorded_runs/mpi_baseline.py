"""A lone `mpi_operator_results.json`: the MPI runner's own table, without logs.

Rows with `scheduler, ranks, pods, lammps_time, end_to_end_time, FOM, timesteps/s, real`; seconds.
There is no loop time: `lammps_time` is LAMMPS's wall time, printed to one second.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.recorded_runs import Experiment, Layout, Run, Source
from include.recorded_runs._logs import place_of
from include.recorded_runs.mpi_runner import DEFAULT_SCHEDULER, OPERATOR, RESULTS, is_log, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_MEASURED = {
    "lammps_time": "app_wall_time_s",
    "real": "launcher_time_s",
    "timesteps/s": "timesteps_per_s",
    "FOM": "atom_steps_per_s",
}
_END_TO_END = "end_to_end_time"  # not in every table
_NOTE = (
    "a table without logs: no loop time, no check of the result, and the order of its rows is "
    "not that of the runs"
)


class MpiBaseline(Layout):
    """Runs for which only the MPI runner's table was kept."""

    title = "MPI runner's table"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per table without logs beside it."""
        logged = {root_of(file) for file in files if is_log(file)}
        for file in files:
            if file.name == RESULTS and file.parent not in logged:
                yield Source(layout=self, root=file.parent, logs=(), others=(file,))

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """A run per row of the default scheduler."""
        (file,) = source.others
        try:
            rows = json.loads(file.read_text())
        except (ValueError, OSError) as err:
            return self._experiment(source, (), problems=(f"{file.name} cannot be read: {err}",))
        if not isinstance(rows, list) or not rows:
            problem = f"{file.name} cannot be read: it is no list of runs"
            return self._experiment(source, (), problems=(problem,))
        on_read(file)
        given = list(enumerate(rows, start=1))
        kept = [(n, row) for n, row in given if not _is_of_another_scheduler(row)]
        left = len(given) - len(kept)
        notes = (f"{left} rows of other schedulers are left out",) if left else ()
        return self._experiment(source, tuple(_run(file, n, row) for n, row in kept), notes=notes)

    def _experiment(
        self,
        source: Source,
        runs: tuple[Run, ...],
        *,
        problems: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Experiment:
        return Experiment(
            layout=self.title,
            k8s_operator=OPERATOR,
            root=source.root,
            runs=runs,
            is_ordered=False,
            fields={"application": "lammps"},
            problems=problems,
            notes=(_NOTE, *notes),
        )


def _is_of_another_scheduler(row: Any) -> bool:
    name = row.get("scheduler") if isinstance(row, dict) else None
    return name is not None and name != DEFAULT_SCHEDULER


def _run(file: Path, number: int, given: Any) -> Run:
    row: dict[str, Any] = given if isinstance(given, dict) else {}
    reason = _wrong(row)
    error = ParseError(f"{place_of(file)}, row {number}: {reason}") if reason else None
    return Run(
        name=f"row-{number}",
        file=file,
        nodes=_count(row.get("pods")),
        ranks=_count(row.get("ranks")),
        error=error,
        fields={} if error else {name: float(row[key]) for key, name in _MEASURED.items()},
        runner_end_to_end_s=None if error else row.get(_END_TO_END),
    )


def _wrong(row: dict[str, Any]) -> str | None:
    """The fault of a row, None when it is complete."""
    if row.get("scheduler") is None:
        return "no 'scheduler'"
    needed = [*_MEASURED, *([_END_TO_END] if row.get(_END_TO_END) is not None else ())]
    numbers = [key for key in needed if not _is_positive(row.get(key))]
    counts = [key for key in ("ranks", "pods") if _count(row.get(key)) is None]
    return f"no positive number {(numbers + counts)[0]!r}" if numbers or counts else None


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value < math.inf


def _count(value: Any) -> int | None:
    return int(value) if _is_positive(value) and value == int(value) else None


ADAPTER = MpiBaseline()
