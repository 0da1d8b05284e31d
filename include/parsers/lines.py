"""Lines of a log as its parsers see them: no terminal codes, no line ends, bounded length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 65_536  # characters; longer ones are cut and marked, so that no pattern fits them
CUT_MARK = " [line cut]"

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SHOWN = 160


def clean(line: str) -> str:
    """The line without its end (LF or CRLF) and without terminal colour codes."""
    bare = line.rstrip("\r\n")
    return _TERMINAL_CODE.sub("", bare) if "\x1b" in bare else bare


def decode(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines without their ends from chunks of UTF-8, cut anywhere; memory is one line at most.

    Bytes that are not UTF-8 become U+FFFD. A line above `LONGEST_LINE` ends in `CUT_MARK`.
    """
    kept = b""
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            yield _decoded(kept + piece)
            kept = b""
        kept = (kept + rest)[: 4 * LONGEST_LINE + 4]
    if kept:
        yield _decoded(kept)


def _decoded(line: bytes) -> str:
    text = line.removesuffix(b"\r").decode(errors="replace")
    return text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + CUT_MARK


def shown(line: str) -> str:
    """The line as an error message quotes it: short, one line, printable."""
    text = line.strip()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def number(text: str, *, line: str) -> float:
    """The finite number that `text` is; ParseError with the whole line otherwise."""
    if not _NUMBER.fullmatch(text):
        raise ParseError(f"{text!r} is not a finite number in the line {shown(line)}")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ParseError(f"{text!r} is too large a number in the line {shown(line)}")
    return value
