"""The workers before a point: kept, replaced when lost, or fewer where a study allows it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include import clusters
from include.cost import account
from include.errors import ClusterError
from include.results import CLUSTER
from include.study import images, shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.clusters import Cluster
    from include.models import ClusterHandle, Phase, Plan, Reservation
    from include.results import Results

log = logging.getLogger(__name__)
CHANGES = "workers_changed.json"
EVIDENCE = "evidence"  # a folder of the study


def made_ready(results: Results, handle: ClusterHandle, *, phase: Phase | None) -> ClusterHandle:
    """The cluster as the next point needs it: kept for the point, with no worker missing.

    A lost worker is replaced, under another name, and has the images before a job runs there. The
    study notes the instant: later points have other nodes. ClusterError when it cannot be replaced
    and the cluster may not shrink.
    """
    cluster = clusters.load(handle.cluster)
    cluster.keep(handle)
    kept = shrink.kept_workers(results, handle)  # others were given back and are not missed
    lost = [name for name in cluster.lost_workers(handle) if name in kept]
    if not lost:
        return _without_the_absent(handle, kept)
    log.warning("no longer ready: %s", ", ".join(lost))
    grown = _add(results, handle, kept=kept, phase=phase)
    came = sorted(set(grown.worker_nodes) - set(kept))
    complete = grown.model_copy(
        update={"nodes": handle.nodes, "worker_nodes": _replaced(handle.worker_nodes, lost, came)}
    )
    results.write_json(CLUSTER, complete.to_json())
    there = [name for name in _replaced(kept, lost, came) if name not in lost]
    if len(there) < len(complete.worker_nodes):
        shrink.note_kept(results, there)
    account.note_nodes(results, lambda: cluster.paid_since(handle))
    _note(results, {"at": datetime.now(UTC).isoformat(), "lost": lost, "came": came})
    if phase is not None:
        images.finish_pulling(results, complete.model_copy(update={"nodes": len(there)}), phase)
    return _without_the_absent(complete, there)


def _add(
    results: Results, handle: ClusterHandle, *, kept: Sequence[str], phase: Phase | None
) -> ClusterHandle:
    """The cluster with workers instead of the lost ones; they pull as they join."""
    wanted = handle.model_copy(update={"nodes": len(kept)}) if len(kept) < handle.nodes else handle
    if phase is not None:
        images.begin_pulling(results, wanted, phase)
    try:
        return clusters.load(handle.cluster).add_workers(wanted)
    except BaseException:  # a later job must not run beside it
        images.stop_pulling(handle)
        raise


def _without_the_absent(handle: ClusterHandle, there: Sequence[str]) -> ClusterHandle:
    """The handle with the workers that are gone marked: given back, or lost for good."""
    absent = tuple(name for name in handle.worker_nodes if name not in there)
    return handle.model_copy(update={"absent_nodes": absent}) if absent else handle


def _replaced(names: Sequence[str], lost: Sequence[str], came: Sequence[str]) -> tuple[str, ...]:
    """The names with each lost one replaced in place, as plans go by position.

    One without a replacement stays.
    """
    instead = dict(zip(lost, came, strict=False))
    return tuple(instead.get(name, name) for name in names)


def _note(results: Results, change: dict[str, object]) -> None:
    results.write_json(CHANGES, [*(results.find_json(CHANGES) or []), change])


def impossible(plan: Plan, handle: ClusterHandle, *, most: int) -> frozenset[str]:
    """Points with more nodes than exist, in a study whose cluster may shrink."""
    if not handle.may_be_smaller or not most:
        return frozenset()
    return frozenset(point.point_id for point in plan.points if point.nodes > most)


def keep_evidence(results: Results, cluster: Cluster[Any], reservation: Reservation) -> None:
    """Store the evidence of a failed cluster before it is deleted."""
    try:
        for name, text in cluster.evidence(reservation).items():
            results.write_text(f"{EVIDENCE}/{name}", text)
    except (ClusterError, OSError) as err:
        log.warning("evidence of the failure cannot be kept: %s", err)
