"""Per-rank statistics of a LAMMPS log: the MPI task timing breakdown, and spreads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.errors import ParseError
from include.parsers.lammps_lines import SECTIONS
from include.parsers.lines import number, shown

_SEPARATOR = re.compile(r"-{3,}\s*")
_COLUMNS = {
    "min time": "min_s",
    "avg time": "avg_s",
    "max time": "max_s",
    "%varavg": "varavg_percent",
    "%CPU": "cpu_percent",
    "%total": "total_percent",
}


@dataclass(frozen=True, kw_only=True)
class TaskTiming:
    """One section of the MPI task timing breakdown; seconds over the ranks."""

    section: str
    avg_s: float
    total_percent: float
    min_s: float | None = None  # None: LAMMPS gives `Other` an average only
    max_s: float | None = None
    varavg_percent: float | None = None
    cpu_percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class RankSpread:
    """One quantity over the ranks, and how many ranks lie in each tenth of its range."""

    ave: float
    max: float
    min: float
    histogram: tuple[int, ...]


class BreakdownReader:
    """Reads the lines below `MPI task timing breakdown:`."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self.timings: list[TaskTiming] = []

    def feed(self, line: str) -> None:
        """Take the table's header or a row; ParseError for a row that is not whole."""
        if "|" not in line or _SEPARATOR.fullmatch(line):
            return
        fields = [field.strip() for field in line.split("|")]
        if not self._names:
            self._names = _header(fields, line)
            return
        section, *texts = fields
        if section not in SECTIONS or len(texts) != len(self._names):
            raise ParseError(f"not a whole row of the timing breakdown: {shown(line)}")
        if any(timing.section == section for timing in self.timings):
            raise ParseError(f"a second row {section!r} in the timing breakdown: {shown(line)}")
        values = {
            name: number(text, line=line)
            for name, text in zip(self._names, texts, strict=True)
            if text
        }
        self.timings.append(_timing(section, values, line=line))


def _header(fields: list[str], line: str) -> tuple[str, ...]:
    if fields[0] != "Section" or not set(fields[1:]) <= set(_COLUMNS):
        raise ParseError(f"not the header of the timing breakdown: {shown(line)}")
    return tuple(_COLUMNS[field] for field in fields[1:])


def _timing(section: str, values: dict[str, float], *, line: str) -> TaskTiming:
    required = {"avg_s", "total_percent"} | (set() if section == "Other" else {"min_s", "max_s"})
    if not required <= set(values):
        raise ParseError(f"a value is missing in the timing breakdown: {shown(line)}")
    return TaskTiming(section=section, **values)
