"""Gives nodes back that no later point of a study needs."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from include import clusters
from include.cost import account
from include.errors import ClusterError
from include.models import NodeOrder
from include.results import step_times
from include.study.pools import still_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import ClusterHandle, Plan, Point
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "kept.json"  # how many workers are left, and which


def is_wanted(plan: Plan) -> bool:
    """True for a study that takes its sizes in descending order: no other gives nodes back."""
    return plan.study.node_order is NodeOrder.DESCENDING


def give_back(results: Results, handle: ClusterHandle, *, plan: Plan, due: Sequence[Point]) -> None:
    """Let the cluster end workers that no point in `due` may run on.

    Only a study that takes its sizes in descending order gives nodes back. ClusterError when the
    first point needs more nodes than were kept. A cluster that cannot give nodes back is a warning:
    no measurement fails for a saving.
    """
    if not is_wanted(plan) or not handle.worker_nodes:
        return
    kept = kept_workers(results, handle)
    if due[0].nodes > len(kept):
        raise ClusterError(
            f"{due[0]} needs {due[0].nodes} nodes, and {len(kept)} are left: the others were given "
            "back, as the study takes its sizes in descending order; start a study of this size"
        )
    wanted = still_needed(plan, due, workers=len(handle.worker_nodes))
    names = tuple(handle.worker_nodes[index] for index in wanted)
    if len(names) >= len(kept):
        return
    cluster = clusters.load(handle.cluster)
    try:
        with step_times.timed(lambda: results, f"{account.SHRINK}-{len(names)}"):
            cluster.keep_workers(handle, names)
    except ClusterError as err:
        log.warning("nodes that are needed no longer could not be given back: %s", err)
        return
    log.info("%d of %d nodes are kept for the points that follow", len(names), len(kept))
    note_kept(results, names)
    account.note_nodes(results, lambda: cluster.paid_since(handle))


def kept_workers(results: Results, handle: ClusterHandle) -> tuple[str, ...]:
    """Names of the workers that have not been given back."""
    noted = results.find_bytes(FILE)
    return handle.worker_nodes if noted is None else tuple(json.loads(noted)["nodes"])


def note_kept(results: Results, names: Sequence[str]) -> None:
    """Store which workers are left."""
    results.write_json(FILE, {"nodes": list(names)})
