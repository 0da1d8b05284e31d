"""The two tables of a LAMMPS log: thermodynamic output and the MPI task timing breakdown."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from include.errors import ParseError
from include.parsers.lammps_lines import SECTIONS
from include.parsers.lines import number, numbers, shown

KEPT_ROWS = 1000  # so that a log of any length is read in bounded memory
_FIGURE_FIRST = re.compile(r"\s*[-+.]?[0-9]")
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
class ThermoTable:
    """Thermodynamic output: one row every so many steps."""

    columns: tuple[str, ...]
    first: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]  # the last ones, `KEPT_ROWS` at most
    row_count: int

    @property
    def last(self) -> dict[str, float]:
        """The last row by column."""
        return dict(zip(self.columns, self.rows[-1], strict=True))


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


class ThermoReader:
    """Reads the lines below a thermo header."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._step = columns.index("Step")
        self._rows: deque[tuple[float, ...]] = deque(maxlen=KEPT_ROWS)
        self._first: tuple[float, ...] | None = None
        self._count = 0

    def feed(self, line: str) -> None:
        """Take a row; other text, such as a warning, is passed over."""
        if not _FIGURE_FIRST.match(line):
            if self._first is None and len(line.split()) == 1:
                raise ParseError(f"the rest of a cut thermo header: {shown(line)}")
            return
        texts = line.split()
        if len(texts) != len(self._columns):
            raise ParseError(
                f"a thermo row has {len(texts)} values for {len(self._columns)} columns: "
                f"{shown(line)}"
            )
        row = numbers(texts, line=line)
        if self._rows and row[self._step] <= self._rows[-1][self._step]:
            raise ParseError(f"the thermo steps do not rise at the row {shown(line)}")
        self._first = self._first or row
        self._rows.append(row)
        self._count += 1

    def table(self, *, first_step: float | None, steps: float) -> ThermoTable:
        """The table; ParseError unless its last row is that of the run's last step."""
        if self._first is None:
            raise ParseError("no row in the thermo table")
        start = self._first[self._step] if first_step is None else first_step
        last = self._rows[-1][self._step]
        if last != start + steps:
            raise ParseError(
                f"no thermo row of step {start + steps:.0f}, the run's last; "
                f"the table ends at step {last:.0f}"
            )
        return ThermoTable(
            columns=self._columns,
            first=self._first,
            rows=tuple(self._rows),
            row_count=self._count,
        )


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
    whole = {"avg_s", "total_percent"} | (set() if section == "Other" else {"min_s", "max_s"})
    if not whole <= set(values):
        raise ParseError(f"a value is missing in the timing breakdown: {shown(line)}")
    return TaskTiming(section=section, **values)
