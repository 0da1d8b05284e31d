"""The project's processes, found by the state folder on their command line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import processes

if TYPE_CHECKING:
    from include.embedded.processes import HostProcess

PROC = Path("/proc")
PLAYER_MODULE = b"include.simulation.player"
PROGRAMS = frozenset(
    {
        "containerd",
        "coredns",
        "etcd",
        "kube-apiserver",
        "kube-controller",  # the kernel keeps 15 characters
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kwok",
        "unshare",
    }
)


def started_from(root: Path) -> tuple[HostProcess, ...]:
    """Living processes of the project's programs with a path below the folder as an argument.

    They need no note: a crash may come between a start and its note.
    """
    started, programs = [], PROGRAMS | processes.controller_names()
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            name = (folder / "comm").read_text().strip()
            is_ours = name in programs or PLAYER_MODULE in words
            if is_ours and any(_is_below(word, f"{root}/".encode()) for word in words):
                started.append(processes.identify(int(folder.name), name=name))
    return tuple(process for process in started if process is not None)


def _is_below(word: bytes, mark: bytes) -> bool:
    return word.startswith(mark) or b"=" + mark in word
