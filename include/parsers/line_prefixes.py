"""Prefixes that others put before each line of output: ranks, pods, time stamps.

Sources: Open MPI 4 and 5 (`--tag-output`, `--timestamp-output`), MPICH and Intel MPI
(`-prepend-rank`, `-l`), `srun -l`, `flux run -l`, `kubectl logs --prefix --timestamps`, the
kubelet's files (`<stamp> stdout F `), the tool `ts`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?"
_DATE = rf"(?:[A-Z][a-z]{{2}} )?[A-Z][a-z]{{2}} [ 0-9][0-9] {_CLOCK}(?: [0-9]{{4}})?"
_KINDS = tuple(
    re.compile(text)
    for text in (
        r"\[pod/[^\]\s]+\]",
        rf"\[?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}\]?(?: std(?:out|err) [FP](?= ))?",
        rf"{_DATE}(?:<std[a-z]+>:?)?",
        rf"\[?{_CLOCK}\]?",
        r"(?:\[[^\]\s]*\])*\[[^\]\s]*,[0-9]+\](?:\[[^\]\s]*\])*<std[a-z]+>:?",
        r"\[[0-9]+\]",
        r" *[0-9]+:",
    )
)
_BLANKS = re.compile(r"[ \t]*")


def unprefixed(lines: Iterable[str], *, begin: str) -> Iterator[str]:
    """The lines without what stands before `begin` in the first line that has it.

    Only a prefix of a known kind is taken off, and lines that lack it stay as they are: a launcher
    prints some of its own among those that it tags.
    """
    prefix: re.Pattern[str] | None = None
    is_looking = True
    for line in lines:
        if is_looking and begin in line:
            prefix = prefix_before(line[: line.index(begin)])
            is_looking = prefix is None and not line.startswith(begin)
        yield prefix.sub("", line, count=1) if prefix else line


def prefix_before(text: str) -> re.Pattern[str] | None:
    """The pattern of a line's prefix, made of the one that is given; None for an unknown kind."""
    place, parts = 0, []
    while place < len(text):
        matches = [match for kind in _KINDS if (match := kind.match(text, place))]
        if not matches:
            return None
        match = max(matches, key=re.Match.end)
        blanks = _BLANKS.match(text, match.end())
        place = match.end() if blanks is None else blanks.end()
        parts.append(f"(?:{match.re.pattern}{re.escape(text[match.end() : place])})?")
    return re.compile("^" + "".join(parts)) if parts else None
