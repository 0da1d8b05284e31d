"""Lines of a log for the parsers: no terminal codes, no line ends, bounded length."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from include.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST_LINE = 65_536  # characters; longer ones are cut and marked, so that no pattern fits them
CUT_MARK = " [line cut]"

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FIGURES = re.compile(r"[-+.eE0-9\s]*", re.ASCII)
_SHOWN = 160


def clean(line: str) -> str:
    """The line without its end (LF or CRLF) and without terminal colour codes."""
    bare = line.rstrip("\r\n")
    return _TERMINAL_CODE.sub("", bare) if "\x1b" in bare else bare


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks split at line ends instead: only the last block may lack its end.

    Memory is bounded by a chunk: of longer lines only the beginning is kept, more than
    `LONGEST_LINE`.
    """
    kept = b""
    for chunk in chunks:
        complete, end, rest = chunk.rpartition(b"\n")
        if end:
            yield kept + complete + end
            kept = b""
        kept = (kept + rest)[: 4 * LONGEST_LINE + 4]
    if kept:
        yield kept


def lines_of(block: bytes) -> list[str]:
    """The lines of a block of UTF-8, without their ends.

    Bytes that are not UTF-8 become U+FFFD. A line above `LONGEST_LINE` ends in `CUT_MARK`.
    """
    if not block:
        return []
    lines = block.removesuffix(b"\n").decode(errors="replace").split("\n")
    if b"\r" in block or max(map(len, lines)) > LONGEST_LINE:
        return [_bounded(line.removesuffix("\r")) for line in lines]
    return lines


def lines_with(signs: Sequence[bytes], block: bytes) -> Iterator[tuple[int, str]]:
    """Lines of a block with one of the signs, each with its number from 1.

    The others are not even decoded. No sign may contain a line end.
    """
    there = [re.escape(sign) for sign in signs if sign in block]  # many times faster than a pattern
    if not there:
        return
    pattern = re.compile(b"|".join(there))
    number = begin = 0
    while (match := pattern.search(block, begin)) is not None:
        start = block.rfind(b"\n", begin, match.start()) + 1 or begin
        end = block.find(b"\n", start) + 1 or len(block)
        number += block.count(b"\n", begin, start) + 1
        yield number, lines_of(block[start:end])[0]
        begin = end


def count_lines(block: bytes) -> int:
    """The number of lines in a block."""
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _bounded(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + CUT_MARK


def shown(line: str) -> str:
    """The line as quoted in an error message: short, one line, printable."""
    text = line.strip()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def holds_figures_only(line: str) -> bool:
    """True if the line only has the characters of numbers, and blanks."""
    return _FIGURES.fullmatch(line) is not None


def numbers(texts: Sequence[str], *, line: str) -> tuple[float, ...]:
    """The line's words as finite numbers, in order; otherwise as `number`."""
    if holds_figures_only(line):  # here `float` and `number` accept the same
        try:
            values = tuple(map(float, texts))
        except ValueError:
            values = (math.nan,)
        if math.isfinite(sum(values)):
            return values
    return tuple(number(text, line=line) for text in texts)


def number(text: str, *, line: str) -> float:
    """The finite number in `text`; ParseError with the complete line otherwise."""
    if not _NUMBER.fullmatch(text):
        raise ParseError(f"{text!r} is not a finite number in the line {shown(line)}")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ParseError(f"{text!r} is too large a number in the line {shown(line)}")
    return value
