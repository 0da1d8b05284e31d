"""Thermodynamic output of LAMMPS in each of its styles: one line per step, `multi`, `yaml`.

Source: `src/thermo.cpp` of LAMMPS 29 Sep 2021 and 22 Jul 2025.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from include.errors import ParseError
from include.parsers.lammps_lines import thermo_header
from include.parsers.lines import number, numbers, shown

KEPT_ROWS = 1000  # memory bound for logs of any length
_FIGURE_FIRST = re.compile(r"\s*[-+.]?[0-9]")
_CLOCKED = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} [a-z]")  # strace -tt of a launcher
_STANZA = re.compile(r"-+ Step +([0-9]+) -+ CPU = +(\S+) \(sec(?:ond)?s?\) -+\s*")
_STANZA_MEANT = re.compile(r"-{3,}.*\bStep\b")
_PAIRS = re.compile(r"\s*(?:\S+ *= *\S+\s*)+")
_PAIR = re.compile(r"(\S+) *= *(\S+)")
_KEYWORDS = re.compile(r"keywords: \[(.*)\]\s*")
_QUOTED = re.compile(r"'([^']+)'")
_DATA = re.compile(r"\s*- \[(.*)\]\s*")


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


class ThermoReader:
    """Reads the lines below a thermo header, one row each."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._rows: deque[tuple[float, ...]] = deque(maxlen=KEPT_ROWS)
        self._first: tuple[float, ...] | None = None
        self._count = 0

    def feed(self, line: str) -> None:
        """Take a row; other text, such as a warning, is ignored."""
        if not _FIGURE_FIRST.match(line) or _CLOCKED.match(line):
            if self._first is None and len(line.split()) == 1:
                raise ParseError(f"the rest of a cut thermo header: {shown(line)}")
            if thermo_header(line):
                raise ParseError(f"a second thermo table before the loop time: {shown(line)}")
            return
        self._take(line.split(), line)

    def table(self, *, first_step: float | None, steps: float) -> ThermoTable:
        """The table; ParseError unless its last row belongs to the run's last step."""
        if self._first is None:
            raise ParseError("no row in the thermo table")
        step = self._columns.index("Step")
        start = self._first[step] if first_step is None else first_step
        last = self._rows[-1][step]
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

    def _take(self, texts: list[str], line: str) -> None:
        if len(texts) != len(self._columns):
            raise ParseError(
                f"a thermo row has {len(texts)} values for {len(self._columns)} columns: "
                f"{shown(line)}"
            )
        row = numbers(texts, line=line)
        step = self._columns.index("Step")
        if self._rows and row[step] <= self._rows[-1][step]:
            raise ParseError(f"the thermo steps do not rise at the row {shown(line)}")
        self._first = self._first or row
        self._rows.append(row)
        self._count += 1


class YamlReader(ThermoReader):
    """Reads the rows of `thermo_style yaml`, `  - [0, 300, …]`."""

    def feed(self, line: str) -> None:
        """Take a row; ParseError for an incomplete one, or figures without brackets."""
        match = _DATA.fullmatch(line)
        if match is not None:
            self._take(match[1].replace(",", " ").split(), line)
        elif line.lstrip().startswith("- [") or _FIGURE_FIRST.match(line):
            raise ParseError(f"not a whole row of the thermo output in YAML: {shown(line)}")


class MultiReader(ThermoReader):
    """Reads `thermo_style multi`: a line with the step, then lines `TotEng = … KinEng = …`."""

    def __init__(self, line: str) -> None:
        super().__init__(())
        self._open: dict[str, str] = {}
        self._line = line
        self.feed(line)

    def feed(self, line: str) -> None:
        """Take a line of a step; text without figures is ignored."""
        if _STANZA_MEANT.match(line):
            self._close()
            match = _STANZA.fullmatch(line)
            if match is None:
                raise ParseError(f"not a whole line of a thermo step: {shown(line)}")
            number(match[2], line=line)
            self._open, self._line = {"Step": match[1]}, line
        elif _PAIRS.fullmatch(line):
            self._pairs(line)
        elif _FIGURE_FIRST.match(line) or "= " in line:
            raise ParseError(f"not a whole line of the thermo output: {shown(line)}")

    def table(self, *, first_step: float | None, steps: float) -> ThermoTable:
        """Table as in other styles; the last step is complete with the columns of the first."""
        self._close()
        return super().table(first_step=first_step, steps=steps)

    def _pairs(self, line: str) -> None:
        for name, text in _PAIR.findall(line):
            if name in self._open:
                raise ParseError(f"{name!r} comes twice in one thermo step: {shown(line)}")
            number(text, line=line)
            self._open[name] = text

    def _close(self) -> None:
        if not self._open:
            return
        columns = tuple(self._open)
        self._columns = self._columns or columns
        if columns != self._columns:
            raise ParseError(f"other values than in the first thermo step: {shown(self._line)}")
        self._take(list(self._open.values()), self._line)
        self._open = {}


def thermo_reader(line: str) -> ThermoReader | None:
    """The reader of the table that begins with this line, None without one."""
    if columns := thermo_header(line):
        return ThermoReader(columns)
    if keywords := _KEYWORDS.fullmatch(line):
        names = tuple(_QUOTED.findall(keywords[1]))
        return YamlReader(names) if "Step" in names else None
    return MultiReader(line) if _STANZA_MEANT.match(line) else None
