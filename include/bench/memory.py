"""Memory of families of processes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def of_family(pid: int) -> int:
    """Resident memory in MiB of a process and all its descendants; otherwise as `of_families`."""
    return of_families((pid,))


def of_families(pids: Iterable[int]) -> int:
    """Resident memory in MiB of processes and all their descendants, each counted once.

    Workers are forks and share most pages with their parent, so it adds up the proportional set
    size, not the resident one. A process that has gone counts as nothing.
    """
    family: set[psutil.Process] = set()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid)
            family |= {parent, *parent.children(recursive=True)}
    return round(sum(_proportional_bytes(process) for process in family) / 2**20)


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        size: int = process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return size
