"""The output of the shell's `time -p` for the launcher: `real`, `user` and `sys`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.durations import shell_time
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENTRY = re.compile(r"(real|user|sys)[ \t]+(\S+)[ \t]*")
_MEANT = re.compile(r"(?:real|user|sys)[ \t]+[0-9.,-]")  # a figure follows, so prose is ignored
# One of these is in every line that `parse` uses; terminal codes may be inside the others.
SIGNS = (b"\x1b", b"real", b"user", b"sys")
_NAMES = ["real", "user", "sys"]


@dataclass(frozen=True, kw_only=True)
class PosixTime:
    """Elapsed time of one command, seconds."""

    real_s: float


def parse(lines: Iterable[str]) -> PosixTime:
    """The only `time -p` block of a log; ParseError for none, an incomplete one, or several.

    Other lines may stand between the three. Format: POSIX.1-2017, `time`, option -p.
    """
    times: list[tuple[str, float]] = []
    for line in map(clean, lines):
        entry = _entry(line)
        if entry is None:
            continue
        times.append(entry)
        if len(times) > len(_NAMES):
            raise ParseError(f"more than one `time -p` block: a second one at {shown(line)}")
    names = [name for name, _ in times]
    if names != _NAMES:
        got = ", ".join(names) or "none of them"
        raise ParseError(f"`time -p` must print the lines real, user, sys; the log has {got}")
    return PosixTime(real_s=times[0][1])


def _entry(line: str) -> tuple[str, float] | None:
    if not _MEANT.match(line):
        return None
    match = _ENTRY.fullmatch(line)
    if match is None:
        raise ParseError(f"a `time -p` line holds more than its time: {shown(line)}")
    try:
        return match[1], shell_time(match[2])
    except ParseError as err:
        raise ParseError(f"wrong `time -p` line {shown(line)}: {err}") from err
