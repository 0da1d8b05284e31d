"""The MPI task timing breakdown of a LAMMPS log: read to refuse a log in which it is cut."""

from __future__ import annotations

import re

from include.errors import ParseError
from include.parsers.lammps_lines import SECTIONS
from include.parsers.lines import number, shown

_SEPARATOR = re.compile(r"-{3,}\s*")
_COLUMNS = frozenset({"min time", "avg time", "max time", "%varavg", "%CPU", "%total"})
_ALWAYS = frozenset({"avg time", "%total"})
_OF_RANKS = frozenset({"min time", "max time"})  # not given for the section `Other`


class BreakdownReader:
    """Reads the lines below `MPI task timing breakdown:`."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sections: set[str] = set()

    def feed(self, line: str) -> None:
        """Take the table's header or a row; ParseError for an incomplete row."""
        if "|" not in line or _SEPARATOR.fullmatch(line):
            return
        fields = [field.strip() for field in line.split("|")]
        if not self._names:
            self._names = _header(fields, line)
            return
        section, *texts = fields
        if section not in SECTIONS or len(texts) != len(self._names):
            raise ParseError(f"not a whole row of the timing breakdown: {shown(line)}")
        if section in self._sections:
            raise ParseError(f"a second row {section!r} in the timing breakdown: {shown(line)}")
        self._sections.add(section)
        given = {name: text for name, text in zip(self._names, texts, strict=True) if text}
        for text in given.values():
            number(text, line=line)
        if not _ALWAYS | (frozenset() if section == "Other" else _OF_RANKS) <= set(given):
            raise ParseError(f"a value is missing in the timing breakdown: {shown(line)}")


def _header(fields: list[str], line: str) -> tuple[str, ...]:
    if fields[0] != "Section" or not set(fields[1:]) <= _COLUMNS:
        raise ParseError(f"not the header of the timing breakdown: {shown(line)}")
    return tuple(fields[1:])
