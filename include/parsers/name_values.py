"""Lines `name=value`, at the end of HPC Challenge's and HPCG's output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.lines import number

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class NameValues:
    """Texts by name, converted to numbers on demand."""

    program: str  # name in messages
    texts: Mapping[str, str]

    def text(self, name: str) -> str:
        """The value as it stands; ParseError when the line is missing."""
        if name not in self.texts:
            raise ParseError(f"no line {name!r}: the output of {self.program} is not whole")
        return self.texts[name]

    def number(self, name: str) -> float:
        """The value as a finite number, or ParseError."""
        text = self.text(name)
        try:
            return number(text, line=f"{name}={text}")
        except ParseError as err:
            raise ParseError(f"{name} of {self.program}: {err}") from err

    def count(self, name: str) -> int:
        """The value as a whole number, or ParseError."""
        value = self.number(name)
        if value != int(value):
            raise ParseError(f"{name} of {self.program} is no whole number: {value}")
        return int(value)
