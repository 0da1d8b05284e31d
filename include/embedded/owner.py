"""Owner of the machine's only local cluster, whichever state folder it uses.

Network namespaces, interfaces and control groups belong to the machine, not to a state folder:
whoever makes or removes them by name must hold the machine's lock, and know whose they are.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include import waiting
from include.embedded import paths, state
from include.embedded.started_from import started_from
from include.errors import ClusterBusy
from include.files import try_lock, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path("/run/operator-benchmark/local-owner")  # holds a state folder; gone with a reboot
LOCK_LIMIT_S = 180.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Other:
    """A running local cluster of another state folder."""

    root: Path
    study_id: str | None  # None: its state cannot be read
    checkout: str

    @property
    def refusal(self) -> str:
        """Sentence on whose cluster it is, and how its owner ends it."""
        study = f"study {self.study_id}" if self.study_id else "a study of another version"
        return (
            f"the local cluster of {study} is running on this machine, kept in another state "
            f"folder: wait for its end, or end it with "
            f"`{paths.end_command(self.root, checkout=self.checkout)}`"
        )


@contextmanager
def locked() -> Iterator[None]:
    """Hold the machine while its local cluster is made or removed; the lock ends with its holder.

    ClusterBusy when another process holds it for minutes. Without root there is nothing to hold, as
    neither can be done.
    """
    try:
        FILE.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    except PermissionError:
        yield
        return
    descriptor = os.open(FILE.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in waiting.looks(limit_s=LOCK_LIMIT_S, poll_s=POLL_S):
            if try_lock(descriptor):
                yield
                return
    finally:
        os.close(descriptor)
    msg = (
        f"another process has been making or removing a local cluster on this machine for "
        f"{LOCK_LIMIT_S:.0f} s; wait for it or end it, then try again"
    )
    raise ClusterBusy(msg)


def claim(root: Path) -> None:
    """Record this folder as the cluster's; ClusterBusy when another folder's cluster lives."""
    refuse_other(root)
    FILE.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_whole(FILE, f"{root}\n")


def release(root: Path) -> None:
    """Remove that record if it names this folder."""
    if _owner() == root:
        FILE.unlink(missing_ok=True)


def refuse_other(root: Path) -> None:
    """ClusterBusy when a cluster of another state folder lives on this machine."""
    if living := other(root):
        raise ClusterBusy(living.refusal)


def other(root: Path) -> Other | None:
    """The living cluster of another state folder on this machine, if there is one.

    One whose state cannot be read lives as long as one of its processes does.
    """
    owner = _owner()
    if owner is None or owner == root:
        return None
    current = state.read_or_none(owner)
    if not (current and current.is_running()) and not started_from(owner):
        return None
    return Other(
        root=owner,
        study_id=current.study_id if current else None,
        checkout=current.checkout if current else "",
    )


def _owner() -> Path | None:
    try:
        return Path(FILE.read_text().strip())
    except FileNotFoundError:
        return None
