"""The output of one LAMMPS run inside a launcher's log, from its banner to its total wall time.

One pass, bounded memory. Strict: a figure whose line was cut, or mixed with other output (Flux
events, ssh warnings), is a ParseError and never a shorter number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.parsers.lammps_reader import BANNER, ERROR, Reader
from include.parsers.line_prefixes import unprefixed
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.parsers.lammps_thermo import ThermoTable

_REQUIRED = {"loop_time_s": "Loop time of …", "total_wall_time_s": "Total wall time: …"}
_GRID = ("grid_x", "grid_y", "grid_z")
_INTEGERS = ("steps", "atoms", "openmp_threads")
_NUMBERS = (
    *("loop_time_s", "total_wall_time_s", "cpu_use_percent"),
    *("timesteps_per_s", "atom_steps_per_s"),
)


@dataclass(frozen=True, kw_only=True)
class LammpsLog:
    """The log of one LAMMPS run. None: this version or input does not print it.

    All other figures of the log are read too: one that is cut or contradicts these is refused.
    """

    version: str  # `29 Sep 2021 - Update 2`
    loop_time_s: float  # the figure of merit, printed to six digits
    total_wall_time_s: float  # printed to one second
    ranks: int
    steps: int
    atoms: int
    thermo: ThermoTable
    timesteps_per_s: float | None
    atom_steps_per_s: float | None
    cpu_use_percent: float | None
    openmp_threads: int | None  # 0: built without OpenMP
    unit_style: str | None

    def final(self, column: str) -> float:
        """The column's value at the last step; ParseError naming the existing columns."""
        last = self.thermo.last
        if column not in last:
            raise ParseError(f"no thermo column {column!r}; there are {', '.join(last)}")
        return last[column]


def parse(lines: Iterable[str]) -> LammpsLog:
    """The only LAMMPS run in a log; a common prefix of its lines (`line_prefixes`) is removed.

    ParseError names what is missing (`Loop time`, the thermo row of the last step, `Total wall
    time`) or the faulty line; also for two runs in one log.
    """
    reader = Reader()
    for line in unprefixed(map(clean, lines), begin=BANNER):
        reader.feed(line)
    return _result(reader)


def complaint(lines: Iterable[str]) -> str | None:
    """The last line in which LAMMPS reports an error, quoted; None without one."""
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
    _check_ranks(ranks, figures, reader.histograms)
    numbers: dict[str, Any] = {name: figures.get(name) for name in (*_NUMBERS, *_INTEGERS)}
    numbers |= {name: int(figures[name]) for name in _INTEGERS if name in figures}
    return LammpsLog(
        version=str(reader.version),
        ranks=ranks,
        thermo=reader.thermo.table(first_step=figures.get("first_step"), steps=figures["steps"]),
        unit_style=reader.unit_style,
        **numbers,
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
    if reader.partitions:
        return (
            f"{what}: LAMMPS says {shown(reader.partitions)}, and each partition has a log of its "
            "own, log.lammps.0 and so on"
        )
    reason = f"; LAMMPS says {shown(reader.error)}" if reader.error else ""
    return f"{what}: the LAMMPS output is not whole{reason}"


def _ranks(figures: dict[str, float]) -> int:
    """MPI ranks: the loop time line includes OpenMP threads, the CPU line gives both."""
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


def _check_ranks(
    ranks: int, figures: dict[str, float], histograms: dict[str, tuple[int, ...]]
) -> None:
    rank_counts = {f"the histogram of {name}": sum(histograms[name]) for name in histograms}
    grid = math.prod(figures[name] for name in _GRID) if _GRID[0] in figures else ranks
    for name, count in {"the processor grid": grid, **rank_counts}.items():
        if count != ranks:
            raise ParseError(f"{name} comes to {count:.0f} ranks, but the log has {ranks}")
