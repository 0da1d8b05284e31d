"""Removes a simulated cluster: its processes and its folder; it has nothing else."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import processes, state
from include.errors import TeardownError

if TYPE_CHECKING:
    from include.embedded.processes import HostProcess

PROC = Path("/proc")
PLAYER_MODULE = b"include.simulation.player"


def remove(root: Path) -> tuple[str, ...]:
    """End all processes of the cluster and empty its folder; returns what it was.

    TeardownError naming what cannot be removed. Repeating it is harmless.
    """
    before = leftovers(root)
    processes.kill(_processes(root))
    for path in _content(root):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # leftovers() tells of it
                path.unlink(missing_ok=True)
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
    """Those that the state file names, and any other that was started from the folder.

    A crash may lie between a start and its note, so the command lines are read too: each of our
    processes has a path below the folder on it.
    """
    known = state.read_or_none(root)
    by_pid = {each.pid: each for each in (known.processes if known else ())}
    by_pid = {pid: each for pid, each in by_pid.items() if processes.is_alive(each)}
    mark = f"{root}/".encode()
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            name = (folder / "comm").read_text().strip()
            ours = name in NAMES or PLAYER_MODULE in words
            if ours and any(word.startswith(mark) or b"=" + mark in word for word in words):
                other = processes.identify(int(folder.name), name=name)
                if other is not None:
                    by_pid.setdefault(other.pid, other)
    return tuple(by_pid.values())


NAMES = frozenset(
    {
        "etcd",
        "kube-apiserver",
        "kube-controller",  # the kernel keeps 15 characters
        "kube-scheduler",
        "kwok",
        "mpi-operator",
        "flux-operator",
    }
)


def _content(root: Path) -> tuple[Path, ...]:
    return tuple(sorted(root.iterdir())) if root.is_dir() else ()
