"""The output of one LAMMPS run inside a launcher's log, from its banner to its total wall time.

One pass, bounded memory. Strict: a figure whose line was cut, or mixed with another writer's text
(Flux events, ssh warnings), is a ParseError and never a shorter number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.parsers.lammps_lines import FIGURES, RATES
from include.parsers.lammps_reader import BANNER, ERROR, Reader
from include.parsers.line_prefixes import unprefixed
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.parsers.lammps_tables import RankSpread, TaskTiming
    from include.parsers.lammps_thermo import ThermoTable

_REQUIRED = {"loop_time_s": "Loop time of …", "total_wall_time_s": "Total wall time: …"}
_INTEGERS = frozenset(
    {"procs", "steps", "atoms", "mpi_tasks", "openmp_threads", "neighbor_list_builds"}
)
_GRID = ("grid_x", "grid_y", "grid_z")
_READ_ONLY = frozenset({*_GRID, "first_step"})  # used here, no fields of the result
_MEASURED = (
    {name for kind in FIGURES for name in kind.names}
    | {*RATES.values(), "atom_steps_per_s", "total_wall_time_s"}
) - _READ_ONLY


@dataclass(frozen=True, kw_only=True)
class LammpsLog:
    """The log of one LAMMPS run. None: this version or input does not print it."""

    version: str  # `29 Sep 2021 - Update 2`
    loop_time_s: float  # the figure of merit, printed to six digits
    total_wall_time_s: float  # printed to one second
    procs: int  # MPI ranks times OpenMP threads, as the loop time line counts
    ranks: int
    steps: int
    atoms: int
    thermo: ThermoTable
    ns_per_day: float | None
    hours_per_ns: float | None
    timesteps_per_s: float | None
    atom_steps_per_s: float | None
    cpu_use_percent: float | None
    mpi_tasks: int | None
    openmp_threads: int | None  # 0: built without OpenMP
    task_timings: tuple[TaskTiming, ...]
    nlocal: RankSpread | None
    nghost: RankSpread | None
    neighs: RankSpread | None
    neighbors_total: float | None
    neighbors_per_atom: float | None
    neighbor_list_builds: int | None
    memory_min_mbytes: float | None  # per rank
    memory_avg_mbytes: float | None
    memory_max_mbytes: float | None
    processor_grid: tuple[int, int, int] | None
    unit_style: str | None
    time_step: float | None  # time step in the unit style's unit: femtoseconds for `real`
    read_data_cpu_s: float | None
    replicate_cpu_s: float | None
    bounding_box_memory_mbytes: float | None

    def final(self, column: str) -> float:
        """The column's value at the last step; ParseError naming the columns there are."""
        last = self.thermo.last
        if column not in last:
            raise ParseError(f"no thermo column {column!r}; there are {', '.join(last)}")
        return last[column]


def parse(lines: Iterable[str]) -> LammpsLog:
    """The one LAMMPS run in a log; a prefix that each line has (`line_prefixes`) is taken off.

    ParseError names what is missing (`Loop time`, the thermo row of the last step, `Total wall
    time`) or the line that is wrong; also for two runs in one log.
    """
    reader = Reader()
    for line in unprefixed(map(clean, lines), begin=BANNER):
        reader.feed(line)
    return _result(reader)


def complaint(lines: Iterable[str]) -> str | None:
    """The last line in which LAMMPS tells of an error, quoted; None when there is none."""
    last = ""
    for line in unprefixed(map(clean, lines), begin=BANNER):
        if line.startswith(ERROR):
            last = line
    return shown(last) if last else None


def _result(reader: Reader) -> LammpsLog:
    if reader.has_further_runs:
        raise ParseError(_several(reader.figures["steps"], reader.further_runs))
    for name, text in _REQUIRED.items():
        if name not in reader.figures:
            raise ParseError(_missing(f"no line {text!r}", reader))
    if reader.thermo is None:
        raise ParseError(_missing("no thermo table with a column 'Step'", reader))
    figures = reader.figures
    ranks = _ranks(figures)
    _check_ranks(ranks, figures, reader.spreads)
    measured: dict[str, Any] = {name: figures.get(name) for name in _MEASURED}
    for name in _INTEGERS & set(figures):
        measured[name] = int(figures[name])
    return LammpsLog(
        version=str(reader.version),
        ranks=ranks,
        thermo=reader.thermo.table(first_step=figures.get("first_step"), steps=figures["steps"]),
        task_timings=reader.timings,
        nlocal=reader.spreads.get("Nlocal"),
        nghost=reader.spreads.get("Nghost"),
        neighs=reader.spreads.get("Neighs"),
        processor_grid=_grid(figures),
        unit_style=reader.unit_style,
        **measured,
    )


def _several(first: float, others: list[float]) -> str:
    if not others:
        return f"after the run of {first:.0f} steps a second one begins that does not end"
    steps = [f"{each:.0f}" for each in (first, *others)]
    return (
        f"the log holds {len(steps)} runs of one LAMMPS, of {', '.join(steps[:-1])} and "
        f"{steps[-1]} steps, and does not say which is the measured one: log each to its own file"
    )


def _missing(what: str, reader: Reader) -> str:
    if reader.tagged is not None:
        return f"each line carries a prefix of no known kind, as in {shown(reader.tagged)}"
    if reader.version is None:
        last = f"; the last line is {shown(reader.last_text)}" if reader.last_text else ""
        return f"{what}, nor 'LAMMPS (', in the log: LAMMPS did not start{last}"
    reason = f"; LAMMPS says {shown(reader.error)}" if reader.error else ""
    return f"{what}: the LAMMPS output is not whole{reason}"


def _grid(figures: dict[str, float]) -> tuple[int, int, int] | None:
    if "grid_x" not in figures:
        return None
    x, y, z = (int(figures[name]) for name in _GRID)
    return x, y, z


def _ranks(figures: dict[str, float]) -> int:
    """MPI ranks: the loop time line counts each rank's OpenMP threads, the CPU line both."""
    procs, tasks = figures["procs"], figures.get("mpi_tasks")
    if tasks is None:
        return int(procs)
    threads = max(1, figures["openmp_threads"])
    if tasks * threads != procs:
        raise ParseError(
            f"the CPU use line comes to {tasks:.0f} ranks with {threads:.0f} threads, but the loop "
            f"time line says {procs:.0f}"
        )
    return int(tasks)


def _check_ranks(ranks: int, figures: dict[str, float], spreads: dict[str, RankSpread]) -> None:
    told: dict[str, float] = {"the processor grid": math.prod(_grid(figures) or (ranks,))}
    told |= {f"the histogram of {name}": sum(spreads[name].histogram) for name in spreads}
    for name, count in told.items():
        if count != ranks:
            raise ParseError(f"{name} comes to {count:.0f} ranks, but the log has {ranks}")
