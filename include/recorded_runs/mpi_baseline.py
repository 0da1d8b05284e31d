"""A lone `mpi_operator_results.json`: the MPI runner's own table, without logs.

Rows with `scheduler, ranks, pods, lammps_time, end_to_end_time, FOM, timesteps/s, real`; seconds.
There is no loop time: `lammps_time` is LAMMPS' wall time, printed to one second.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.recorded_runs import Experiment, Layout, Run, Source
from include.recorded_runs.mpi_runner import DEFAULT_SCHEDULER, LOGS, OPERATOR, RESULTS, is_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_MEASURED = {
    "lammps_time": "app_wall_time_s",
    "real": "launcher_time_s",
    "timesteps/s": "timesteps_per_s",
    "FOM": "atom_steps_per_s",
}
_NOTE = (
    "a table without logs: no loop time, no check of the result, and the order of its rows is "
    "not that of the runs"
)


class MpiBaseline(Layout):
    """Runs of which only the MPI runner's table was kept."""

    title = "MPI runner's table"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per table that has no logs beside it."""
        logs = [file.parent for file in files if is_log(file)]
        logged = {folder.parent if folder.name == LOGS else folder for folder in logs}
        for file in files:
            if file.name == RESULTS and file.parent not in logged:
                yield Source(layout=self, root=file.parent, logs=(), others=(file,))

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """A run per row of the default scheduler."""
        (file,) = source.others
        try:
            rows = json.loads(file.read_text())
            given = [(number, row) for number, row in enumerate(rows, start=1)]
            kept = [(n, row) for n, row in given if row["scheduler"] == DEFAULT_SCHEDULER]
        except (ValueError, TypeError, KeyError) as err:
            return self._experiment(source, (), problems=(f"{file.name} cannot be read: {err!r}",))
        on_read(file)
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


def _run(file: Path, number: int, row: dict[str, Any]) -> Run:
    wrong = [key for key in (*_MEASURED, "ranks", "pods") if not _is_positive(row.get(key))]
    error = (
        ParseError(f"{file.name}, row {number}: no positive number {wrong[0]!r}") if wrong else None
    )
    return Run(
        name=f"row-{number}",
        file=file,
        nodes=_count(row.get("pods")),
        ranks=_count(row.get("ranks")),
        error=error,
        fields={} if error else {name: float(row[key]) for key, name in _MEASURED.items()},
        runner_end_to_end_s=None if error else row.get("end_to_end_time"),
    )


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


ADAPTER = MpiBaseline()
