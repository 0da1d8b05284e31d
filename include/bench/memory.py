"""Memory of a family of processes."""

from __future__ import annotations

import psutil


def of_family(pid: int) -> int:
    """Resident memory in MiB of a process and all its descendants, shared pages counted once.

    Workers are forks and share most pages with their parent, so the proportional set size is
    added up, not the resident one.
    """
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return round(sum(_proportional_bytes(process) for process in family) / 2**20)


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        size: int = process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return size
