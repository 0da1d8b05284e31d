"""Removes whatever the embedded cluster left on this machine, and verifies that it is gone.

Nothing here needs the state file: the project's leftovers are found by cgroup, network
namespaces, interface names, and the state folder on a command line.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import cgroups, mounts, network, owner, processes, state
from include.embedded.commands import run
from include.embedded.started_from import started_from
from include.errors import ClusterError, TeardownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from include.embedded.processes import HostProcess

log = logging.getLogger(__name__)
PROC = Path("/proc")
ROUNDS = 5  # killing a parent may reveal a child that has just started


def remove_everything(root: Path) -> tuple[str, ...]:
    """Remove all that the project left outside its folder; returns what it was.

    The state folder itself stays, empty, since its lock may be held. Repeating it is harmless.
    While a cluster of another state folder lives, the machine's namespaces, links and groups belong
    to that one, and stay. TeardownError naming what cannot be removed.
    """
    before = leftovers(root)
    is_free = _is_free(root)
    for _ in range(ROUNDS):
        if not (alive := _processes(root)):
            break
        processes.kill(alive)
    if is_free:
        _each(network.remove_namespace, network.namespaces())
        _each(network.remove_link, network.links())
    _each(mounts.unmount, mounts.below(root))
    if is_free:
        cgroups.remove()
    state.empty(root)
    owner.release(root)
    if after := leftovers(root):
        msg = (
            f"still there after removal: {', '.join(after)}; remove by hand, or restart the machine"
        )
        raise TeardownError(msg)
    return before


def _is_free(root: Path) -> bool:
    """True if the project's named resources on the machine belong to no other living cluster."""
    if (living := owner.other(root)) is None:
        return True
    log.warning("left alone: %s", living.refusal)
    return False


def _each(remove: Callable[[str], None], names: Iterable[str]) -> None:
    for name in names:
        try:
            remove(name)
        except ClusterError as err:  # leftovers() reports it if it is still there
            log.warning("cannot remove %s: %s", name, err)


def leftovers(root: Path) -> tuple[str, ...]:
    """Everything of the project that exists outside its folder, as readable names.

    Excludes what belongs to another state folder's living cluster.
    """
    is_free = owner.other(root) is None
    return (
        *(f"process {process.name} (pid {process.pid})" for process in _processes(root)),
        *(f"network namespace {name}" for name in network.namespaces() if is_free),
        *(f"interface {name}" for name in network.links() if is_free),
        *(f"mount {path}" for path in mounts.below(root)),
        *(f"cgroup {path}" for path in cgroups.groups() if is_free),
        *(f"state {path}" for path in _content(root)),
    )


def _processes(root: Path) -> tuple[HostProcess, ...]:
    """Every living process in the project's cgroup or namespaces, or started from its state."""
    own = {process.pid: process for process in started_from(root)}
    pids = _by_place() if owner.other(root) is None else set()
    pids.discard(os.getpid())
    identified = (processes.identify(pid, name=_name(pid)) for pid in pids - own.keys())
    own |= {process.pid: process for process in identified if process is not None}
    return tuple(own[pid] for pid in sorted(own))


def _by_place() -> set[int]:
    """Pids in the project's cgroup or network namespaces."""
    pids = set(cgroups.pids())
    for namespace in network.namespaces():
        with contextlib.suppress(ClusterError):  # it has just gone
            pids.update(int(pid) for pid in run(["ip", "netns", "pids", namespace]).split())
    return pids


def _name(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "unknown"


def _content(root: Path) -> tuple[Path, ...]:
    return tuple(sorted(root.iterdir())) if root.is_dir() else ()
