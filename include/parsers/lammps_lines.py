"""Single lines of a LAMMPS log with figures, and their formats.

Source: the output of LAMMPS 29 Sep 2021 (run 6) and 22 Jul 2025, printed by `src/finish.cpp`,
`src/output.cpp` and `src/verlet.cpp`. All figures are finite, or ParseError names the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.errors import ParseError
from include.parsers.durations import h_mm_ss
from include.parsers.lines import number, shown

UNIT_STYLES = ("lj", "real", "metal", "si", "cgs", "electron", "micro", "nano")
SECTIONS = ("Bond", "Pair", "Kspace", "Neigh", "Comm", "Output", "Modify", "Other")

_INT = r"([0-9]+)"
_NUM = r"(\S+)"
_THREADED = r"(?: \([0-9]+ MPI x [0-9]+ OpenMP\))?"  # releases of 2011 to 2015
_SECONDS = r"sec(?:ond)?s"  # `secs` before autumn 2020
_SCALE = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
RATES = {
    "ns/day": "ns_per_day",
    "hours/ns": "hours_per_ns",
    "timesteps/s": "timesteps_per_s",
}
_ATOM_STEPS = re.compile(r"([kMG]?)atom-step/s")
_OTHER_UNITS = frozenset({"tau/day", "fs/day", "hours/fs"})  # units of other unit styles


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A kind of line: its marker, its complete pattern, and the names of its groups."""

    marker: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]


def _figures(marker: str, pattern: str, *names: str) -> Figures:
    return Figures(marker=marker, pattern=re.compile(pattern), names=names)


FIGURES = (
    _figures(
        "Loop time of",
        rf"Loop time of {_NUM} on {_INT} procs{_THREADED} for {_INT} steps with {_INT} atoms",
        *("loop_time_s", "procs", "steps", "atoms"),
    ),
    _figures(
        "% CPU use with",
        rf"{_NUM}% CPU use with {_INT} MPI tasks x ([0-9]+|no) OpenMP threads",
        *("cpu_use_percent", "mpi_tasks", "openmp_threads"),
    ),
    _figures(
        "MPI processor grid",
        rf"\s*{_INT} by {_INT} by {_INT} MPI processor grid",
        *("grid_x", "grid_y", "grid_z"),
    ),
    _figures(
        "Per MPI rank memory allocation",
        r"Per MPI rank memory allocation \(min/avg/max\) = "
        rf"{_NUM} \| {_NUM} \| {_NUM} Mbytes",
        *("memory_min_mbytes", "memory_avg_mbytes", "memory_max_mbytes"),
    ),
    _figures("read_data CPU", rf"\s*read_data CPU = {_NUM} {_SECONDS}", "read_data_cpu_s"),
    _figures("replicate CPU", rf"\s*replicate CPU = {_NUM} {_SECONDS}", "replicate_cpu_s"),
    _figures(
        "bounding box extra memory",
        rf"\s*bounding box extra memory = {_NUM} MB",
        "bounding_box_memory_mbytes",
    ),
    _figures("Current step", rf"\s*Current step\s*: {_INT}", "first_step"),
    _figures("Time step", rf"\s*Time step\s*: {_NUM}", "time_step"),
    _figures("Total # of neighbors", rf"Total # of neighbors = {_NUM}", "neighbors_total"),
    _figures("Ave neighs/atom", rf"Ave neighs/atom = {_NUM}", "neighbors_per_atom"),
    _figures("Neighbor list builds", rf"Neighbor list builds = {_INT}", "neighbor_list_builds"),
)
REPEATED = "MPI processor grid"  # once for the cell read, again for its replicas
SPREADS = ("Nlocal", "Nghost", "Neighs", "FullNghs")
_SPREAD = re.compile(rf"({'|'.join(SPREADS)}):\s+{_NUM} ave\s+{_NUM} max\s+{_NUM} min")
_HISTOGRAM = re.compile(r"Histogram:((?: [0-9]+)+)\s*")
_UNIT_STYLE = re.compile(r"\s*Unit style\s*: (\S+)\s*")
_WALL = re.compile(r"Total wall time: (\S+)\s*")
_HEADER = re.compile(r"\s*(?:[A-Za-z_]\S*\s+)*Step(?:\s+[A-Za-z_]\S*)*\s*")


def figures(kind: Figures, line: str) -> dict[str, float]:
    """The line's figures by name."""
    match = kind.pattern.fullmatch(line.rstrip())
    if match is None:
        raise ParseError(f"the line with {kind.marker!r} is not whole: {shown(line)}")
    values = dict(zip(kind.names, match.groups(), strict=True))
    if values.get("openmp_threads") == "no":
        values["openmp_threads"] = "0"
    return {name: number(text, line=line) for name, text in values.items()}


def performance(line: str) -> dict[str, float]:
    """Rates of the Performance line; `atom_steps_per_s` only if LAMMPS prints it (since 2022)."""
    if not line.startswith("Performance: "):
        raise ParseError(f"the Performance line is not whole: {shown(line)}")
    rates: dict[str, float] = {}
    for part in line.removeprefix("Performance: ").rstrip().split(", "):
        text, _, unit = part.partition(" ")
        value = number(text, line=line)
        atom_steps = _ATOM_STEPS.fullmatch(unit)
        if atom_steps:
            rates["atom_steps_per_s"] = value * _SCALE[atom_steps[1]]
        elif unit in RATES:
            rates[RATES[unit]] = value
        elif unit not in _OTHER_UNITS:
            raise ParseError(f"unknown unit {unit!r} in the line {shown(line)}")
    if "timesteps_per_s" not in rates:
        raise ParseError(f"no timesteps/s in the line {shown(line)}")
    return rates


def spread(line: str) -> str:
    """The quantity of which the line has average, maximum and minimum over the ranks.

    `FullNghs` is printed besides `Neighs` with a full neighbour list, as KOKKOS uses.
    """
    match = _SPREAD.fullmatch(line.rstrip())
    if match is None:
        raise ParseError(f"not a whole 'ave max min' line: {shown(line)}")
    for text in match.groups()[1:]:
        number(text, line=line)
    return match[1]


def histogram(line: str) -> tuple[int, ...]:
    """Ranks per bin, in ten bins from the least to the greatest value."""
    match = _HISTOGRAM.fullmatch(line)
    if match is None:
        raise ParseError(f"not a whole Histogram line: {shown(line)}")
    return tuple(int(text) for text in match[1].split())


def unit_style(line: str) -> str:
    """The unit style; ParseError for one that LAMMPS does not have."""
    match = _UNIT_STYLE.fullmatch(line)
    if match is None or match[1] not in UNIT_STYLES:
        raise ParseError(f"no LAMMPS unit style in the line {shown(line)}")
    return match[1]


def total_wall_time_s(line: str) -> float:
    """Seconds of `Total wall time: h:mm:ss`, which has a resolution of one second."""
    match = _WALL.fullmatch(line)
    if match is None:
        raise ParseError(f"the line with 'Total wall time' is not whole: {shown(line)}")
    try:
        return h_mm_ss(match[1])
    except ParseError as err:
        raise ParseError(f"{err}, in the line {shown(line)}") from err


def thermo_header(line: str) -> tuple[str, ...] | None:
    """The columns named by the line, None when it is not the header of a thermo table."""
    return tuple(line.split()) if _HEADER.fullmatch(line) else None
