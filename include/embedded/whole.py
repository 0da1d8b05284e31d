"""A cache folder made by one process at a time, completely or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from include import waiting
from include.embedded import mounts
from include.embedded.commands import KILL_LIMIT_S, PROC
from include.errors import ClusterError
from include.files import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.embedded.progress import Progress

UNFINISHED = ".part"
WAIT_LIMIT_S = 7200.0  # a first build takes a quarter of an hour
HEARTBEAT_S = 20.0
POLL_S = 0.2


@contextmanager
def made_whole(target: Path, progress: Progress) -> Iterator[Path | None]:
    """An empty folder that takes the target's name once it is filled; None: the target exists.

    Waits for another process filling a folder beside it, unless the target is there already, and
    removes what a killed one left. ClusterError when the other one takes more than two hours.
    """
    if target.is_dir():  # it got its name when it was whole
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent, progress):
        if target.is_dir():
            yield None
            return
        _remove_abandoned(target.parent)
        partial = target.with_name(f".{target.name}{UNFINISHED}")
        partial.mkdir()
        try:
            yield partial
            partial.rename(target)
        finally:
            _remove(partial)


def clean(folder: Path) -> tuple[str, ...]:
    """Remove what killed builders left in a folder of the cache, and return what it was.

    Nothing is removed while a builder is working there.
    """
    if not folder.is_dir():
        return ()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _remove_abandoned(folder) if try_lock(descriptor) else ()
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> tuple[str, ...]:
    """Remove unfinished folders while holding the lock; programs that made them may still run."""
    left = sorted(folder.glob(f".*{UNFINISHED}"))
    names = [name for path in left for name in _end_work_in(path)]
    for path in left:
        _remove(path)
    return (*names, *(f"half made {path}" for path in left))


def _remove(path: Path) -> None:
    """Remove a folder, but never what is mounted in it; ClusterError when it remains."""
    if not path.exists():
        return
    for mount in mounts.below(path):
        mounts.unmount(mount)
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        raise ClusterError(f"{path} is unfinished and cannot be removed; remove it by hand")


def _end_work_in(path: Path) -> tuple[str, ...]:
    """Kill processes working in the folder, and wait until they are gone; returns their names."""
    names = tuple(f"process {name} (pid {pid})" for pid, name in _at_work_in(path).items())
    for _ in waiting.looks(limit_s=KILL_LIMIT_S, poll_s=POLL_S):
        at_work = _at_work_in(path)
        if not at_work:
            break
        for pid in at_work:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return names


def _at_work_in(path: Path) -> dict[int, str]:
    """Names by pid of processes with the folder or its content on their command lines."""
    workers = {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has just gone
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if any(f"{path}/".encode() in word or word == bytes(path) for word in words):
                workers[int(folder.name)] = (folder / "comm").read_text().strip()
    return workers


@contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock, which ends with its holder and leaves no file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _wait_for_lock(descriptor, folder, progress)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, folder: Path, progress: Progress) -> None:
    shown_at = -HEARTBEAT_S
    for _ in waiting.looks(limit_s=WAIT_LIMIT_S, poll_s=POLL_S):
        if try_lock(descriptor):
            return
        if progress.seconds() - shown_at >= HEARTBEAT_S:
            progress.tell(f"waiting for another process that builds in {folder}")
            shown_at = progress.seconds()
    msg = f"another process has been building in {folder} for {WAIT_LIMIT_S:.0f} s; end it"
    raise ClusterError(msg)
