"""The project's part of the control group hierarchies: one group per node, one for the rest.

Every process of the project is in it, so it also shows what is still running when nothing else
does. Version 1 (one tree per controller) has been run; version 2 (one tree) was written from the
kernel's documentation and has not been run.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from include import waiting
from include.embedded.layout import PREFIX
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)
MOUNTS = Path("/proc/mounts")
HOST_GROUP = f"{PREFIX}/host"  # control plane and controllers
V2_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
POLL_S = 0.05
REMOVE_LIMIT_S = 10.0


def hierarchies() -> tuple[Path, ...]:
    """Mounted control group trees: several for version 1, one for version 2."""
    return _read_mounts(MOUNTS.read_text())


def _read_mounts(mounts: str) -> tuple[Path, ...]:
    rows = [line.split() for line in mounts.splitlines()]
    trees = [Path(row[1]) for row in rows if row[2] in {"cgroup", "cgroup2"}]
    return tuple(dict.fromkeys(trees))


def is_version_2(tree: Path) -> bool:
    """True for a cgroup tree of version 2; a hybrid setup has one among several trees."""
    return (tree / "cgroup.controllers").exists()


def create(group: str, *, cpus: str | None = None) -> None:
    """Make a group in every tree; `cpus` as in `0-1`, None for those of the parent group."""
    trees = hierarchies()
    if not trees:
        raise ClusterError("no control groups are mounted; nodes cannot be made on this machine")
    for tree in trees:
        path = tree
        for part in Path(group).parts:
            _delegate(path)
            path /= part
            path.mkdir(exist_ok=True)
            _inherit_cpuset(path)
        if cpus is not None and (path / "cpuset.cpus").exists():
            (path / "cpuset.cpus").write_text(cpus)


def _delegate(parent: Path) -> None:
    """Version 2: enable the available controllers in child groups."""
    control = parent / "cgroup.subtree_control"
    if not control.exists():
        return
    offered = (parent / "cgroup.controllers").read_text().split()
    wanted = [f"+{name}" for name in V2_CONTROLLERS if name in offered]
    if wanted:
        control.write_text(" ".join(wanted))


def _inherit_cpuset(path: Path) -> None:
    """Version 1: a new group has no CPUs until it is given some."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if is_version_2(path) or not (path / name).exists() or (path / name).read_text().strip():
            continue
        (path / name).write_text((path.parent / name).read_text())


def join(group: str, pid: int) -> None:
    """Put a process into a group, in every tree."""
    for tree in hierarchies():
        with contextlib.suppress(ProcessLookupError):
            (tree / group / "cgroup.procs").write_text(str(pid))


def pids() -> frozenset[int]:
    """All processes in the project's groups."""
    members: set[int] = set()
    for group in groups():
        with contextlib.suppress(OSError):  # the group, or its last process, has just gone
            members.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    return frozenset(members)


def groups() -> tuple[Path, ...]:
    """The project's existing groups, the inner ones first."""
    return tuple(group for tree in hierarchies() for group in _inner_first(tree / PREFIX))


def _inner_first(path: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(path, topdown=False):
        yield Path(folder)


def remove() -> None:
    """Remove the project's groups; a group stays busy briefly after its last process ended."""
    for _ in waiting.looks(limit_s=REMOVE_LIMIT_S, poll_s=POLL_S):
        _remove_once(groups())
        if not groups():
            return


def _remove_once(remaining: Sequence[Path]) -> None:
    for group in remaining:
        with contextlib.suppress(OSError):
            group.rmdir()
