"""Prefixes that other programs add to each line of output: ranks, pods, timestamps.

Sources: Open MPI 4 and 5 (`--tag-output`, `--timestamp-output`, `--output rank`), MPICH and Intel
MPI (`-prepend-rank`, `-l`), `srun -l`, `flux run -l`, `kubectl logs --prefix --timestamps`, the
kubelet's files (`<stamp> stdout F `), the tool `ts`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers import flux_events
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?"
_DATE = rf"(?:[A-Z][a-z]{{2}} )?[A-Z][a-z]{{2}} [ 0-9][0-9] {_CLOCK}(?: [0-9]{{4}})?"
_KINDS = tuple(
    re.compile(text)
    for text in (
        "\ufeff",
        r"\[pod/[^\]\s]+\]",
        rf"\[?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}\]?(?: std(?:out|err) [FP](?= ))?",
        rf"{_DATE}(?:<std[a-z]+>:?)?",
        rf"\[?{_CLOCK}\]?",
        r"(?:\[[^\]\s]+\])+<std[a-z]+>:?",
        r"\[[0-9]+\]",
        r" *[0-9]+:",
    )
)
_BLANKS = re.compile(r"[ \t]*")


def plain(lines: Iterable[str], *, begin: str) -> Iterator[str]:
    """The lines without ends, terminal codes, Flux's events, and the prefix of that with `begin`.

    Flux prints its events, which may come anywhere among the application's lines, as lines of
    their own. ParseError for one that is mixed with such a line, and at the end if `begin` is only
    behind a prefix of an unknown kind.
    """
    tagged, begins = "", False
    for line in unprefixed(map(clean, lines), begin=begin):
        if flux_events.is_event(line):
            continue
        if begins and flux_events.holds_event(line):
            raise ParseError(f"a Flux event is mixed with a line of the output: {shown(line)}")
        yield line
        begins = begins or line.startswith(begin)
        tagged = tagged or (line if begin in line else "")
    if tagged and not begins:
        raise ParseError(
            f"no line begins with {begin!r}; a prefix of no known kind is before it in "
            f"{shown(tagged)}"
        )


def unprefixed(lines: Iterable[str], *, begin: str) -> Iterator[str]:
    """The lines without the prefix before `begin` in the first line that has it.

    Only a known kind of prefix is removed, and lines without it are unchanged: a launcher
    prints some of its own among those it tags.
    """
    prefix: re.Pattern[str] | None = None
    is_looking = True
    for line in lines:
        if is_looking and begin in line:
            prefix = prefix_before(line[: line.index(begin)])
            is_looking = prefix is None and not line.startswith(begin)
        yield prefix.sub("", line, count=1) if prefix else line


def prefix_before(text: str) -> re.Pattern[str] | None:
    """The pattern of line prefixes like the given one; None for an unknown kind."""
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
