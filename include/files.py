"""Files that appear under their name only when they are whole, and locks that leave no file."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600  # readable by the owner alone
_ANYBODY = 0o666  # less what the process masks, as for any new file


def write_whole(
    path: Path, data: bytes | str, *, mode: int | None = None, writer: int | None = None
) -> None:
    """Replace the file; whoever reads it sees the old one or the new one, never a part.

    A text is stored as UTF-8. A file with a `mode` is its owner's alone until it is whole. What a
    killed writer left is replaced; processes that may write one file at once give their pids.
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


def try_lock(descriptor: int) -> bool:
    """True if the open file or folder is locked now; the lock ends with its holder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
