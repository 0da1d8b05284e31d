"""Removes a simulated cluster: its processes and its folder, which is all it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.embedded import processes, state
from include.embedded.started_from import started_from
from include.errors import TeardownError

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.processes import HostProcess


def remove(root: Path) -> tuple[str, ...]:
    """End all processes of the cluster and empty its folder; returns what was removed.

    TeardownError naming what cannot be removed. Repeating it is harmless.
    """
    before = leftovers(root)
    processes.kill(_processes(root))
    state.empty(root)
    if after := leftovers(root):
        raise TeardownError(f"still there after removal: {', '.join(after)}; remove it by hand")
    return before


def leftovers(root: Path) -> tuple[str, ...]:
    """Names of the parts of the simulated cluster that still exist."""
    return (
        *(f"process {process.name} (pid {process.pid})" for process in _processes(root)),
        *(f"state {path}" for path in _content(root)),
    )


def _processes(root: Path) -> tuple[HostProcess, ...]:
    """Processes named in the state file, and any other that was started from the folder.

    Each of ours has a path below the folder on its command line.
    """
    known = state.read_or_none(root)
    by_pid = {each.pid: each for each in (known.processes if known else ())}
    by_pid = {pid: each for pid, each in by_pid.items() if processes.is_alive(each)}
    for other in started_from(root):
        by_pid.setdefault(other.pid, other)
    return tuple(by_pid.values())


def _content(root: Path) -> tuple[Path, ...]:
    return tuple(sorted(root.iterdir())) if root.is_dir() else ()
