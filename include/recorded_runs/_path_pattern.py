"""Factors in a log's path: `…/{arm}/lammps-{nodes}-{ranks}-{repeat}.out`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import StudyError

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = ("nodes", "ranks", "ranks_per_node", "repeat")
TEXTS = ("arm", "study", "instance_type")
_TOKEN = re.compile(r"\{([^{}]*)\}|(…|\.\.\.|\*\*)/?|(\*)|([^{}…*]+?(?=\.\.\.|[{}…*]|$))|(.)")


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Fields of a run read from its path; None: not in the path."""

    arm: str | None = None
    study: str | None = None
    instance_type: str | None = None
    nodes: int | None = None
    ranks: int | None = None
    ranks_per_node: int | None = None
    repeat: int | None = None


class PathPattern:
    """A pattern of paths. `…` is any folders, `*` anything within a name, `{_}` is discarded."""

    def __init__(self, text: str) -> None:
        """StudyError for an unknown factor, or a pattern without any."""
        self.text = text
        self._names: set[str] = set()
        parts = "".join(self._part(match) for match in _TOKEN.finditer(text.removeprefix("/")))
        if not self._names:
            raise StudyError(f"the pattern {text!r} names no factor; there are {_known()}")
        self._pattern = re.compile(f"(?:.*/)?{parts}")

    def match(self, path: Path) -> Factors | None:
        """The path's factors, None for a path that does not match."""
        match = self._pattern.fullmatch(path.as_posix())
        if match is None:
            return None
        given: dict[str, Any] = match.groupdict()
        counts = {name: int(given[name]) for name in COUNTS if name in given}
        return Factors(**{**given, **counts})

    def _part(self, match: re.Match[str]) -> str:
        name, folders, any_text, text, other = match.groups()
        if folders is not None:
            return "(?:.*/)?"
        if any_text is not None:
            return "[^/]*"
        if name is None:
            return re.escape(text or other)
        return self._factor(name)

    def _factor(self, name: str) -> str:
        if name == "_":
            return "[^/]*?"
        if name not in (*COUNTS, *TEXTS):
            raise StudyError(
                f"the pattern names {{{name}}}, which is no factor; there are {_known()}"
            )
        if name in self._names:
            return f"(?P={name})"
        self._names.add(name)
        return f"(?P<{name}>{'[0-9]+' if name in COUNTS else '[^/]+?'})"


def _known() -> str:
    return ", ".join(f"{{{name}}}" for name in (*TEXTS, *COUNTS, "_"))
