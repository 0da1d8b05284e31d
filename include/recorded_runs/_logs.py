"""Reads a recorded log with a parser, and adds file and line to its errors."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from include.errors import ParseError
from include.parsers.lines import blocks, count_lines, lines_of, lines_with
from include.recorded_runs._programs import sign_in
from include.recorded_runs._text import CHUNK_BYTES, chunks_of, flaw_of, oddity_of, prefix_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_CHUNK_BYTES = CHUNK_BYTES
T = TypeVar("T")


def parsed(
    path: Path, parse: Callable[[Iterable[str]], T], *, signs: Sequence[bytes] | None = None
) -> T:
    """The result of `parse` on the file's lines; ParseError begins with the file and the line.

    `signs`: lines without any of these are not passed to `parse`, which would ignore them. The
    file is streamed, so memory does not grow with it; it may be UTF-16, and a common line
    prefix is removed. An unreadable file is a ParseError too, and says if it is empty or
    compressed.
    """
    lines = _CountedLines(path, signs=signs)
    try:
        return parse(lines)
    except ParseError as err:
        oddity = oddity_of(path)
        reason = flaw_of(path) or (f"{err}; {oddity}" if oddity else err)
        raise ParseError(f"{place_of(path)}, {lines.place}: {reason}") from err
    except OSError as err:
        raise ParseError(f"{place_of(path)} cannot be read: {err.strerror}") from err


def try_parse(
    path: Path,
    parse: Callable[[Iterable[str]], T | None],
    *,
    signs: Sequence[bytes] | None = None,
) -> T | None:
    """Parse as `parsed`; None for an unreadable file: reading its figures reports it."""
    try:
        return parsed(path, parse, signs=signs)
    except ParseError:
        return None


def place_of(path: Path) -> str:
    """The file's name for messages, with its folder, as some tools name all their logs alike."""
    return f"{path.parent.name}/{path.name}"


def first_line_with(pattern: re.Pattern[str]) -> Callable[[Iterable[str]], str | None]:
    """A parser that returns the first line with the pattern, None without one."""
    return lambda lines: next((line for line in lines if pattern.search(line)), None)


class TextHash:
    """The SHA-256 of the lines passing through, without blank ones, encoding and line ends."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def passing(self, lines: Iterable[str]) -> Iterator[str]:
        """The same lines."""
        for line in lines:
            if text := line.rstrip():
                self._hash.update(text.encode(errors="replace") + b"\n")
            yield line

    @property
    def hexdigest(self) -> str:
        """Digest of the lines so far, in hexadecimal."""
        return self._hash.hexdigest()


def sha256(path: Path) -> str | None:
    """The file's SHA-256 in hexadecimal, None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def raw_lines(path: Path) -> Iterator[str]:
    """The file's lines with their prefixes, without blank ones."""
    for block in blocks(chunks_of(path)):
        yield from filter(None, lines_of(block))


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
        prefix: re.Pattern[str] | None = None
        for place, block in enumerate(blocks(chunks_of(self._path, chunk_bytes=_CHUNK_BYTES))):
            if place == 0 and (sign := sign_in(block)):
                prefix = prefix_of(block, sign=sign)
            before = self._read
            for number, line in self._numbered(block):
                self._read = before + number
                yield prefix.sub("", line, count=1) if prefix else line
            self._read = before + count_lines(block)
        self._ended = True

    def _numbered(self, block: bytes) -> Iterable[tuple[int, str]]:
        if self._signs is None:
            return enumerate(lines_of(block), start=1)
        return lines_with(self._signs, block)
