"""The bytes of a recorded log as UTF-8, from any writer, and its faults."""

from __future__ import annotations

from codecs import (
    BOM_UTF8,
    BOM_UTF16_BE,
    BOM_UTF16_LE,
    BOM_UTF32_BE,
    BOM_UTF32_LE,
    getincrementaldecoder,
)
from typing import TYPE_CHECKING

from include.parsers.line_prefixes import prefix_before
from include.parsers.lines import lines_of

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 256
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}
_PACKED |= {b"(\xb5/\xfd": "zstd"}
# UTF-32 first: its mark in little-endian order begins with that of UTF-16.
_MARKS = {BOM_UTF32_LE: "utf-32-le", BOM_UTF32_BE: "utf-32-be"}
_MARKS |= {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}


def chunks_of(path: Path, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The file in UTF-8 without a byte order mark; a Windows shell's `>` writes UTF-16."""
    with path.open("rb") as file:
        encoding = encoding_of(file.read(_SAMPLE_BYTES))
        file.seek(0)
        first = file.read(chunk_bytes)
        rest = iter(lambda: file.read(chunk_bytes), b"")
        if encoding is None:
            yield first.removeprefix(BOM_UTF8)
            yield from rest
            return
        decoder = getincrementaldecoder(encoding)(errors="replace")
        yield decoder.decode(first).removeprefix("\ufeff").encode(errors="replace")
        for chunk in rest:
            yield decoder.decode(chunk).encode(errors="replace")


def encoding_of(beginning: bytes) -> str | None:
    """UTF-16 or UTF-32 with its byte order for a text beginning like this, None for any other."""
    for mark, encoding in _MARKS.items():
        if beginning.startswith(mark):
            return encoding
    sample = beginning[:_SAMPLE_BYTES]
    if len(sample) < 2 or b"\0" not in sample:  # noqa: PLR2004 a pair of bytes is one letter
        return None
    even, odd = sample[0::2], sample[1::2]
    if not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if not any(even) and all(odd) else None


def prefix_of(block: bytes, *, sign: str) -> re.Pattern[str] | None:
    """The prefix of each line, added by MPI, `kubectl` and others, found by the program's sign."""
    place = block.find(sign.encode())
    if place < 0:
        return None
    begin = block.rfind(b"\n", 0, place) + 1
    return prefix_before(lines_of(block[begin:place])[0]) if begin < place else None


def flaw_of(path: Path) -> str | None:
    """Reason why the file has no content at all; None for a file with text."""
    beginning = _beginning(path)
    if beginning == b"":
        return "the file is empty"
    packed = (tool for sign, tool in _PACKED.items() if (beginning or b"").startswith(sign))
    return next((f"the file is packed by {tool}: unpack it" for tool in packed), None)


def oddity_of(path: Path) -> str | None:
    """A known obstacle to parsing the file's text, None without one."""
    beginning = _beginning(path) or b""
    if b"\0" in beginning and encoding_of(beginning) is None:
        return "it holds NUL bytes, as a text that is UTF-16 in a part of it"
    is_one_line = b"\r" in beginning and b"\n" not in beginning
    return "its lines end in CR alone: write them with LF" if is_one_line else None


def _beginning(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(CHUNK_BYTES)
    except OSError:
        return None
