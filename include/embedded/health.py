"""Health of the cluster on this machine: which parts live, and which must be restarted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import processes, state
from include.embedded.credentials import CONTROLLER_MANAGER, SCHEDULER
from include.errors import PartDied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.embedded.processes import HostProcess
    from include.embedded.state import ClusterState

DATABASE, API_SERVER = "etcd", "kube-apiserver"
SERVING = frozenset({DATABASE, API_SERVER})
FOLLOWERS = frozenset({CONTROLLER_MANAGER, SCHEDULER})


def require_whole(root: Path, *, study_id: str) -> None:
    """PartDied naming each dead part of the study's cluster, with the end of its log.

    A part stopped by a signal counts as dead: even if it resumes, the running job has met a cluster
    that stood still.
    """
    current = state.require(root, study_id=study_id)
    if current.is_complete and (dead := current.dead()):
        raise _died(dead)


def require_served(root: Path) -> None:
    """PartDied when the database or the API server of the cluster in the folder is dead.

    For who makes or revives the cluster, whose other parts may be missing yet.
    """
    current = state.read_or_none(root)
    parts = current.dead() if current else ()
    if dead := tuple(part for part in parts if part.name in SERVING):
        raise _died(dead)


def _died(dead: Sequence[HostProcess]) -> PartDied:
    names = " and ".join(part.name for part in dead)
    have = "has" if len(dead) == 1 else "have"
    done = "been stopped by a signal" if all(map(processes.is_stopped, dead)) else "died"
    log_ends = "\n".join(f"{part.log}:\n{processes.log_tail(Path(part.log))}" for part in dead[:1])
    return PartDied(f"{names} of the cluster on this machine {have} {done}: the end of {log_ends}")


def dead_names(current: ClusterState) -> frozenset[str]:
    """Names of the dead parts.

    If the database or the API server is among them, the cluster has been without both.
    """
    return frozenset(part.name for part in current.dead())


def to_start_again(current: ClusterState) -> tuple[HostProcess, ...]:
    """Parts that have died, and those that may end, seconds later, for having lost the API server.

    The latter would cost the point at work a second loss.
    """
    dead = dead_names(current)
    missing = dead | FOLLOWERS if lost_touch(dead) else dead
    return tuple(part for part in current.processes if part.name in missing)


def lost_touch(dead: frozenset[str]) -> bool:
    """True if controllers could not reach the API server: those with a lead then give it up."""
    return bool(dead & SERVING)
