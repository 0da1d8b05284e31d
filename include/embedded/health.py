"""Whether all parts of the cluster on this machine live, and which of them are to be revived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import processes, state
from include.errors import PartDied

if TYPE_CHECKING:
    from include.embedded.state import ClusterState

DATABASE, API_SERVER = "etcd", "kube-apiserver"


def require_whole(root: Path, *, study_id: str) -> None:
    """PartDied naming each part of the study's cluster that has died, with the end of its log."""
    current = state.require(root, study_id=study_id)
    if not current.is_complete or not (dead := current.dead()):
        return
    names = " and ".join(part.name for part in dead)
    have = "has" if len(dead) == 1 else "have"
    told = "\n".join(f"{part.log}:\n{processes.log_tail(Path(part.log))}" for part in dead[:1])
    raise PartDied(f"{names} of the cluster on this machine {have} died: the end of {told}")


def dead_names(current: ClusterState) -> frozenset[str]:
    """Names of the parts that have died.

    Where the database or the API server is among them, the cluster has been without both.
    """
    return frozenset(part.name for part in current.dead())


def lost_touch(dead: frozenset[str]) -> bool:
    """True if controllers could not reach the API server: one that leads others then gives up."""
    return bool(dead & {DATABASE, API_SERVER})
