"""Lines `name=value`, as HPC Challenge and HPCG end their output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class NameValues:
    """Texts by name, read as numbers when asked for."""

    program: str  # for messages
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
            value = float(text)
        except ValueError as err:
            raise ParseError(f"{name} of {self.program} is no number: {text!r}") from err
        if not math.isfinite(value):
            raise ParseError(f"{name} of {self.program} is not finite: {text!r}")
        return value

    def count(self, name: str) -> int:
        """The value as a whole number, or ParseError."""
        value = self.number(name)
        if value != int(value):
            raise ParseError(f"{name} of {self.program} is no whole number: {value}")
        return int(value)
