"""Removes whatever the embedded cluster left on this machine, and proves that it is gone.

Nothing here needs the state file: what the project makes is found by its cgroup, its network
namespaces, the names of its interfaces, and its state folder on a command line.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import cgroups, mounts, network, owner, processes
from include.embedded.commands import run
from include.errors import ClusterError, TeardownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from include.embedded.processes import HostProcess

log = logging.getLogger(__name__)
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
        "mpi-operator",
        "unshare",
    }
)
COMMAND_NAME_LENGTH = 15
PROC = Path("/proc")
ROUNDS = 5  # killing a parent may reveal a child that has just been started


def remove_everything(root: Path) -> tuple[str, ...]:
    """Remove all that the project left outside its folder; returns what it was.

    The state folder itself stays, empty, since its lock may be held. Repeating it is harmless.
    TeardownError naming what cannot be removed, ClusterBusy when a cluster that is kept in
    another state folder lives: the machine's namespaces, links and groups are its.
    """
    owner.refuse_other(root)
    before = leftovers(root)
    for _ in range(ROUNDS):
        if not (alive := _processes(root)):
            break
        processes.kill(alive)
    for remove, names in (
        (network.remove_namespace, network.namespaces()),
        (network.remove_link, network.links()),
        (mounts.unmount, mounts.below(root)),
    ):
        _each(remove, names)
    cgroups.remove()
    _empty(root)
    owner.release(root)
    if after := leftovers(root):
        msg = (
            f"still there after removal: {', '.join(after)}; remove by hand, or restart the machine"
        )
        raise TeardownError(msg)
    return before


def _each(remove: Callable[[str], None], names: Iterable[str]) -> None:
    for name in names:
        try:
            remove(name)
        except ClusterError as err:  # leftovers() tells of it if it is really still there
            log.warning("cannot remove %s: %s", name, err)


def leftovers(root: Path) -> tuple[str, ...]:
    """Whatever of the project exists outside its folder, each as a readable name."""
    return (
        *(f"process {process.name} (pid {process.pid})" for process in _processes(root)),
        *(f"network namespace {name}" for name in network.namespaces()),
        *(f"interface {name}" for name in network.links()),
        *(f"mount {path}" for path in mounts.below(root)),
        *(f"cgroup {path}" for path in cgroups.groups()),
        *(f"state {path}" for path in _content(root)),
    )


def _processes(root: Path) -> tuple[HostProcess, ...]:
    """Every living process in the project's cgroup or namespaces, or started from its state."""
    pids = set(cgroups.pids())
    for namespace in network.namespaces():
        with contextlib.suppress(ClusterError):  # it has just gone
            pids.update(int(pid) for pid in run(["ip", "netns", "pids", namespace]).split())
    pids.update(_started_from(root))
    pids.discard(os.getpid())
    identified = (processes.identify(pid, name=_name(pid)) for pid in sorted(pids))
    return tuple(process for process in identified if process is not None)


def _started_from(root: Path) -> set[int]:
    """Processes of the project's programs with the state folder on their command line."""
    marks = (f"{root}/".encode(), f"={root}/".encode())
    started = set()
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if _name(int(folder.name)) in PROGRAMS and any(
                mark in word for word in words for mark in marks
            ):
                started.add(int(folder.name))
    return started


def _name(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "unknown"


def _content(root: Path) -> tuple[Path, ...]:
    return tuple(sorted(root.iterdir())) if root.is_dir() else ()


def _empty(root: Path) -> None:
    for path in _content(root):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # leftovers() tells of it
                path.unlink(missing_ok=True)
