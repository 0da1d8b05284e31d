"""Files that appear under their name only when complete, and locks that leave no file."""

from __future__ import annotations

import fcntl
import os
import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROSE_COLUMNS = 120
_FENCE = "```"
_STANDS_ALONE = re.compile(r"\||#|!\[|$")  # table, heading, image, empty line
_ITEM = re.compile(r"\s*(?:[-*]|\d+\.) ")
PRIVATE = 0o600  # readable by the owner alone
_ANYBODY = 0o666  # minus the process's umask, as for any new file


def write_whole(
    path: Path, data: bytes | str, *, mode: int | None = None, writer: int | None = None
) -> None:
    """Replace the file atomically: readers see the old one or the new one, never a part.

    Text is stored as UTF-8. A file with a `mode` is private to its owner until complete.
    Leftovers of a killed writer are replaced; processes that may write one file at once give
    their pids.
    """
    partial = path.with_name(f".{path.name}.part" if writer is None else f".{path.name}.{writer}")
    partial.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(partial, flags, _ANYBODY if mode is None else PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            partial.chmod(mode)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_page(path: Path, markdown: str) -> None:
    """Write a page of Markdown atomically, with its prose folded at `PROSE_COLUMNS` characters."""
    write_whole(path, "\n".join(_folded(markdown.splitlines())) + "\n")


def _folded(lines: list[str]) -> Iterator[str]:
    paragraph: list[str] = []
    is_code = False
    for line in lines:
        is_fence = line.lstrip().startswith(_FENCE)
        stands_alone = is_code or is_fence or _STANDS_ALONE.match(line)
        if stands_alone or _ITEM.match(line):
            yield from _fold(paragraph)
            paragraph = []
        if stands_alone:
            yield line
        else:
            paragraph.append(line)
        is_code ^= is_fence
    yield from _fold(paragraph)


def _fold(paragraph: list[str]) -> list[str]:
    """The lines of one paragraph or list item, indented after a list item's first line."""
    if not paragraph:
        return []
    item = _ITEM.match(paragraph[0])
    return textwrap.wrap(
        " ".join([paragraph[0].rstrip(), *(line.strip() for line in paragraph[1:])]),
        width=PROSE_COLUMNS,
        subsequent_indent=" " * len(item.group()) if item else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def try_lock(descriptor: int) -> bool:
    """True if the open file or folder could be locked; the lock ends with its holder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
