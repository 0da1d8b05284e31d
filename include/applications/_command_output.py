"""The output of a program described by a study: its figures, by their patterns."""

from __future__ import annotations

import math
import re
import statistics
from enum import StrEnum
from typing import TYPE_CHECKING

from include.errors import CheckFailed, ParseError
from include.parsers.lines import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from include.applications._command_options import Figure, Options

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_BEGAN_BEFORE = re.compile(r"(?:[0-9][.,'\u2019\u00a0\u202f]?|(?:^|[\s=:(])[-+.])$")
_GOES_ON = re.compile(r"\.?[0-9]|['\u2019\u00a0\u202f][0-9]|[eE][-+]?[0-9]")
_GOES_ON_WHOLE = re.compile(r",[0-9]")  # after a number without a decimal point


class Take(StrEnum):
    """Rule that chooses among several values of one figure."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    MEDIAN = "median"


def figures_of(options: Options, lines: Iterable[str]) -> dict[str, float]:
    """Each figure's value; ParseError naming the pattern with no match, or too many.

    CheckFailed for a required line that is missing, or a forbidden one.
    """
    output = list(lines)
    _require(options, output)
    return {figure.name: _value(figure, output) for figure in options.figures}


def version_of(options: Options, lines: Iterable[str]) -> str | None:
    """The program's version in its output; None where the study gives no pattern."""
    if options.version is None:
        return None
    return _matches(options.version, list(lines))[-1][1]


def _require(options: Options, output: Sequence[str]) -> None:
    for pattern in options.must_have:
        if not any(re.search(pattern, line) for line in output):
            raise CheckFailed(f"no line has {pattern!r}, which a right run must have")
    for pattern in options.must_not_have:
        if wrong := next((line for line in output if re.search(pattern, line)), None):
            raise CheckFailed(f"a line has {pattern!r}, which it must not: {shown(wrong)}")


def _matches(pattern: str, output: Sequence[str]) -> list[re.Match[str]]:
    """All matches; ParseError without any."""
    compiled = re.compile(pattern)
    matches = [match for line in output for match in compiled.finditer(line)]
    if not matches or any(match[1] is None for match in matches):
        raise ParseError(f"no line matches {pattern!r}: the output is not whole, or not as thought")
    return matches


def _value(figure: Figure, output: Sequence[str]) -> float:
    values = [_number(figure, match) for match in _matches(figure.pattern, output)]
    if figure.take is None:
        if len(values) > 1:
            raise ParseError(
                f"{figure.name}: {figure.pattern!r} matches {len(values)} times and should once; "
                "give `take` where several are meant"
            )
        return values[0]
    return _TAKEN[figure.take](values)


_TAKEN: dict[Take, Callable[[Sequence[float]], float]] = {
    Take.LAST: lambda values: values[-1],
    Take.FIRST: lambda values: values[0],
    Take.MIN: min,
    Take.MAX: max,
    Take.SUM: math.fsum,
    Take.MEDIAN: statistics.median,
}


def _number(figure: Figure, match: re.Match[str]) -> float:
    """The finite number in the group; ParseError for anything else, or only part of a number."""
    text = match[1]
    if not _NUMBER.fullmatch(text):
        raise ParseError(
            f"{figure.name}: {text!r} is no number, by {figure.pattern!r}; the line is "
            f"{shown(match.string)}"
        )
    if _is_part(match):
        raise ParseError(
            f"{figure.name}: {text!r} is a part of a longer number, by {figure.pattern!r}, in "
            f"{shown(match.string)}; let the pattern take what stands before and behind it"
        )
    value = float(text)
    if not math.isfinite(value):
        raise ParseError(f"{figure.name}: {text!r} is not finite, by {figure.pattern!r}")
    return value


def _is_part(match: re.Match[str]) -> bool:
    """True if the number continues outside the match, as with thousands separators.

    Whatever the pattern itself matches besides its group is intended.
    """
    line, number = match.string, match[1]
    if match.start(1) == match.start() and _BEGAN_BEFORE.search(line[: match.start()]):
        return True
    if match.end(1) != match.end():
        return False
    goes_on = _GOES_ON.match(line, match.end())
    return bool(goes_on or ("." not in number and _GOES_ON_WHOLE.match(line, match.end())))
