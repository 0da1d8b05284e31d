"""The workers before a point: kept, replaced where one was lost, fewer where a study allows it."""

from __future__ import annotations

import json
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


def made_ready(
    results: Results, handle: ClusterHandle, *, plan: Plan, phase: Phase | None
) -> ClusterHandle:
    """The cluster as the next point finds it: it stays for the point, and no worker is missing.

    A worker that was lost is replaced, under another name, and has the images before a job runs
    there. The study notes when that was: the nodes of later points are others. ClusterError when
    it cannot be replaced and the cluster may not be smaller.
    """
    cluster = clusters.load(handle.cluster)
    cluster.keep(handle, work_s=plan.study.point_timeout_s)
    kept = shrink.kept_workers(results, handle)  # others were given back, and are not missed
    lost = [name for name in cluster.lost_workers(handle) if name in kept]
    if not lost:
        return handle
    log.warning("no ready nodes any more: %s", ", ".join(lost))
    wanted = handle.model_copy(update={"nodes": len(kept)}) if len(kept) < handle.nodes else handle
    there = cluster.add_workers(wanted)
    came = sorted(set(there.worker_nodes) - set(kept))
    complete = there.model_copy(
        update={"nodes": handle.nodes, "worker_nodes": _replaced(handle.worker_nodes, lost, came)}
    )
    results.write_json(CLUSTER, complete.to_json())
    if len(kept) < len(handle.worker_nodes):
        shrink.note_kept(results, _replaced(kept, lost, came))
    account.note_nodes(results, lambda: cluster.paid_since(handle))
    _note(results, {"at": datetime.now(UTC).isoformat(), "lost": lost, "came": came})
    if phase is not None:
        images.pull_images(results, complete.model_copy(update={"nodes": len(kept)}), phase)
    return complete


def _replaced(names: Sequence[str], lost: Sequence[str], came: Sequence[str]) -> tuple[str, ...]:
    """The names with one that came in the place of each lost one, as plans go by place."""
    instead = dict(zip(lost, came, strict=False))
    return tuple(instead.get(n, n) for n in names if n in instead or n not in lost)


def _note(results: Results, change: dict[str, object]) -> None:
    noted = results.find_bytes(CHANGES)
    results.write_json(CHANGES, [*(json.loads(noted) if noted else []), change])


def impossible(plan: Plan, handle: ClusterHandle) -> frozenset[str]:
    """Points that are larger than the cluster became, of a study that said it may be smaller."""
    most = len(handle.worker_nodes)
    if not handle.may_be_smaller or not most:
        return frozenset()
    return frozenset(point.point_id for point in plan.points if point.nodes > most)


def keep_evidence(results: Results, cluster: Cluster[Any], reservation: Reservation) -> None:
    """Store what can be read of a cluster that failed; soon it is deleted, and nobody can look."""
    try:
        for name, text in cluster.evidence(reservation).items():
            results.write_text(f"{EVIDENCE}/{name}", text)
    except (ClusterError, OSError) as err:
        log.warning("evidence of the failure cannot be kept: %s", err)
