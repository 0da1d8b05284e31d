"""Wall times that GNU time prints around Flux commands: `FLUXTIME fluxsubmit wall time 0:50.21`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.durations import gnu_elapsed
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_ENTRY = re.compile(r"FLUXTIME ([a-z][a-z0-9_-]*) wall time (\S+)[ \t]*")
# Command lines in the log quote the format itself ("… wall time %E …") without a figure.
_MEANT = re.compile(r"FLUXTIME [a-z0-9_-]* wall time [0-9:.]")
# One of these is in every line that `parse` uses; terminal codes may be inside the others.
SIGNS = (b"\x1b", b"FLUXTIME")


def parse(lines: Iterable[str], *, required: Collection[str] = ()) -> dict[str, float]:
    """Seconds by label (`fluxsubmit`, `fluxstart`); ParseError for a missing required label.

    ParseError also for a duplicate label, or text around the figure.
    """
    seconds: dict[str, float] = {}
    for line in map(clean, lines):
        if "FLUXTIME" not in line or not _MEANT.search(line):
            continue
        label, value = _entry(line)
        if label in seconds:
            raise ParseError(f"FLUXTIME {label} comes twice, the second time as {shown(line)}")
        seconds[label] = value
    missing = sorted(set(required) - set(seconds))
    if missing:
        raise ParseError(f"no line 'FLUXTIME {missing[0]} wall time …'")
    return seconds


def _entry(line: str) -> tuple[str, float]:
    match = _ENTRY.fullmatch(line)
    if match is None:
        raise ParseError(f"a FLUXTIME line holds more than its time: {shown(line)}")
    try:
        return match[1], gnu_elapsed(match[2])
    except ParseError as err:
        raise ParseError(f"wrong FLUXTIME line {shown(line)}: {err}") from err
