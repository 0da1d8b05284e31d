"""Gives back nodes that no later point of a study needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters
from include.cost import account
from include.cost.saved import SHRINK
from include.errors import ClusterError
from include.models import NodeOrder
from include.results import step_times
from include.study.pools import still_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import ClusterHandle, Plan, Point
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "kept.json"  # number and names of the remaining workers


def is_wanted(plan: Plan, handle: ClusterHandle) -> bool:
    """True for a study with sizes in descending order, on a cluster that supports it."""
    is_descending = plan.study.node_order is NodeOrder.DESCENDING
    return is_descending and clusters.load(handle.cluster).gives_nodes_back(handle)


def give_back(results: Results, handle: ClusterHandle, *, plan: Plan, due: Sequence[Point]) -> None:
    """End the workers that no point in `due` may run on, where `is_wanted`.

    ClusterError when the first point needs more nodes than were kept.
    """
    if not is_wanted(plan, handle) or not handle.worker_nodes:
        return
    kept = kept_workers(results, handle)
    if due[0].nodes > len(kept):
        raise ClusterError(
            f"{due[0]} needs {due[0].nodes} nodes, and {len(kept)} are left: the others were given "
            "back, as the study takes its sizes in descending order; start a study of this size"
        )
    wanted = still_needed(plan, due, workers=len(handle.worker_nodes))
    names = tuple(handle.worker_nodes[index] for index in wanted)
    if len(names) < len(kept):
        _keep(results, handle, names)


def give_all_back(results: Results, handle: ClusterHandle) -> None:
    """End all workers, as no job follows; what else remains needs none."""
    if clusters.load(handle.cluster).gives_nodes_back(handle):
        _keep(results, results.cluster() or handle, ())


def _keep(results: Results, handle: ClusterHandle, names: tuple[str, ...]) -> None:
    """End the other workers; a failure is only a warning: saving must not cost a measurement."""
    cluster = clusters.load(handle.cluster)
    try:
        with step_times.timed(lambda: results, f"{SHRINK}-{len(names)}"):
            cluster.keep_workers(handle, names)
            account.note_nodes(results, lambda: cluster.paid_since(handle))
    except ClusterError as err:
        log.warning("nodes that are no longer needed could not be given back: %s", err)
        return
    log.info("%d of %d workers are kept", len(names), len(handle.worker_nodes))
    note_kept(results, names)


def keep_all(results: Results, handle: ClusterHandle) -> None:
    """Forget what an earlier cluster gave back: a study may be resumed."""
    if results.exists(FILE):
        note_kept(results, handle.worker_nodes)


def kept_workers(results: Results, handle: ClusterHandle) -> tuple[str, ...]:
    """Names of the workers that have not been given back."""
    noted = results.find_json(FILE)
    return handle.worker_nodes if noted is None else tuple(noted["nodes"])


def note_kept(results: Results, names: Sequence[str]) -> None:
    """Store which workers are left."""
    results.write_json(FILE, {"nodes": list(names)})
