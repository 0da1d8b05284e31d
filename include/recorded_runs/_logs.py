"""Reads a recorded log with a parser, and says of an error in which file and line it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from include.errors import ParseError
from include.parsers.lines import blocks, count_lines, lines_of, lines_with

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
T = TypeVar("T")


def parsed(
    path: Path, parse: Callable[[Iterable[str]], T], *, signs: Sequence[bytes] | None = None
) -> T:
    """What `parse` makes of the file's lines; ParseError begins with the file and the line.

    `signs`: lines without any of these are kept from `parse`, which would pass them over. The
    file is streamed, so memory does not grow with it. A file that cannot be read is a ParseError
    too.
    """
    lines = _CountedLines(path, signs=signs)
    try:
        return parse(lines)
    except ParseError as err:
        raise ParseError(f"{place_of(path)}, {lines.place}: {err}") from err
    except OSError as err:
        raise ParseError(f"{place_of(path)} cannot be read: {err.strerror}") from err


def told(
    path: Path,
    parse: Callable[[Iterable[str]], T | None],
    *,
    signs: Sequence[bytes] | None = None,
) -> T | None:
    """As `parsed`, None when the file cannot be read: reading it for its figures says why."""
    try:
        return parsed(path, parse, signs=signs)
    except ParseError:
        return None


def place_of(path: Path) -> str:
    """The file as messages name it: with its folder, as some tools name all their logs alike."""
    return f"{path.parent.name}/{path.name}"


def first_line_with(pattern: re.Pattern[str]) -> Callable[[Iterable[str]], str | None]:
    """A parser that returns the first line in which the pattern is, None when there is none."""
    return lambda lines: next((line for line in lines if pattern.search(line)), None)


def sha256(path: Path) -> str | None:
    """The file's SHA-256 in hexadecimal, None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class _CountedLines:
    def __init__(self, path: Path, *, signs: Sequence[bytes] | None) -> None:
        self._path = path
        self._signs = signs
        self._read = 0
        self._ended = False

    @property
    def place(self) -> str:
        return f"at its end, line {self._read}" if self._ended else f"line {self._read}"

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            for block in blocks(iter(lambda: file.read(_CHUNK_BYTES), b"")):
                before = self._read
                for number, line in self._numbered(block):
                    self._read = before + number
                    yield line
                self._read = before + count_lines(block)
        self._ended = True

    def _numbered(self, block: bytes) -> Iterable[tuple[int, str]]:
        if self._signs is None:
            return enumerate(lines_of(block), start=1)
        return lines_with(self._signs, block)
