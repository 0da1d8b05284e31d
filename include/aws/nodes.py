"""Nodes of a cluster on EKS: their number, placement, and the conditions for running jobs."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from include import waiting
from include.errors import CapacityError, ClusterError
from include.kube.conditions import is_ready
from include.kube.kinds import NODE
from include.models import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from include.aws.scaling import WorkerGroup
    from include.kube.client import Kube

log = logging.getLogger(__name__)

ROLE = "operator-benchmark/role"  # label of the nodes, see stack.yaml
LAUNCHER = Placement(
    node_selector={ROLE: "launcher"},
    tolerations=({"key": "launcher", "operator": "Exists", "effect": "NoSchedule"},),
)
WORKER = Placement(
    node_selector={ROLE: "worker"},
    tolerations=({"key": "worker", "operator": "Exists", "effect": "NoSchedule"},),
)
EFA = "vpc.amazonaws.com/efa"
HOST_NAME = "kubernetes.io/hostname"

MISSING = "workers came: larger sizes were not measured"
LAUNCHER_S = 600.0
SCALE_S = 1200.0  # limit for all attempts together
STALLED_S = 45.0  # time without a new machine after a failure; Auto Scaling retries by itself
PAUSE_S = 60.0  # pause before the next attempt, with no machines
POLL_S = 10.0


def add_workers(
    group: WorkerGroup,
    kube: Kube,
    *,
    count: int,
    least: int | None,
    with_efa: bool,
    place: Placement = WORKER,
) -> tuple[str, ...]:
    """Host names of the workers, sorted, once `count` are ready; or `least`, if there are no more.

    When EC2 lacks machines, those it gave are ended at once, as they cost money for nothing,
    and after a pause all are requested again. CapacityError after 20 minutes, with no workers left.
    """
    look = functools.partial(ready_nodes, kube, place, with_efa=with_efa)
    ready = look()
    if len(ready) >= count:
        return ready
    limit = waiting.Limit(SCALE_S)
    problem = ""
    try:
        for _ in waiting.looks(limit_s=SCALE_S - PAUSE_S, poll_s=PAUSE_S):
            known = set(group.look().failures)
            group.ask(count)
            attempt = _Attempt(group, look, count=count, known=known, with_efa=with_efa)
            shortage = attempt.wait(limit)
            if shortage is not None and least is not None and attempt.machines >= least:
                shortage = attempt.settle(limit, least=least)
            if shortage is None:
                return attempt.ready
            log.warning("%d of %d workers came: %s", len(attempt.ready), count, shortage)
            group.release()
            came = f"{len(attempt.ready)} of {count} workers came; they have been ended"
            problem = f"{came}: {shortage}"
    except BaseException:  # also for a cancelled task: unused nodes would cost money
        group.ask(0)
        raise
    raise CapacityError(f"{problem}; try later, elsewhere, with `reserve`, or with min_nodes")


def keep_workers(
    group: WorkerGroup, kube: Kube, workers: Collection[str], *, kept: Collection[str]
) -> None:
    """End the machines of all workers except the kept ones; without any, the whole group's."""
    if not kept:
        group.release()
        return
    others = [name for name in workers if name not in kept]
    group.shrink(machines_of(kube, others))


def with_count(notes: tuple[str, ...], came: int, *, asked: int) -> tuple[str, ...]:
    """The cluster's notes plus one about workers that did not come."""
    kept = tuple(note for note in notes if not note.endswith(MISSING))
    return kept if came >= asked else (*kept, f"{came} of {asked} {MISSING}")


class _Attempt:
    """One attempt at getting all workers."""

    def __init__(
        self,
        group: WorkerGroup,
        look: Callable[[], tuple[str, ...]],
        *,
        count: int,
        known: set[str],
        with_efa: bool,
    ) -> None:
        self.ready: tuple[str, ...] = ()
        self.machines = 0
        self._group = group
        self._look = look
        self._count = count
        self._known = known  # failures of earlier attempts, which say nothing about this one
        self._with_efa = with_efa

    def wait(self, limit: waiting.Limit) -> str | None:
        """Return None once all are ready, otherwise the reason why they are not.

        A failed launch alone is no shortage: the group retries, and machines may still come.
        """
        quiet_since = None
        new: list[str] = []
        for _ in waiting.looks(limit_s=limit.left_s, poll_s=POLL_S):
            self.ready = self._look()
            if len(self.ready) >= self._count:
                return None
            standing = self._group.look()
            new = [text for each, text in standing.failures.items() if each not in self._known]
            has_grown = len(standing.instances) > self.machines
            self.machines = len(standing.instances)
            if has_grown or not new or self.machines >= self._count:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= STALLED_S:
                break
        return "; ".join(dict.fromkeys(new)) or _not_ready(with_efa=self._with_efa)

    def settle(self, limit: waiting.Limit, *, least: int) -> str | None:
        """Keep the machines that came, once ready; the reason if they are too few."""
        self._group.ask(self.machines)
        for _ in waiting.looks(limit_s=limit.left_s, poll_s=POLL_S):
            self.ready = self._look()
            if len(self.ready) >= self.machines:
                log.warning("going on with %d of %d workers", len(self.ready), self._count)
                return None
        return None if len(self.ready) >= least else _not_ready(with_efa=self._with_efa)


def _not_ready(*, with_efa: bool) -> str:
    return f"the others did not become ready{', with EFA,' if with_efa else ''} in time"


def wait_launcher(kube: Kube) -> None:
    """Wait for the launcher's node; ClusterError after ten minutes."""
    for _ in waiting.looks(limit_s=LAUNCHER_S, poll_s=POLL_S):
        if ready_nodes(kube, LAUNCHER, with_efa=False):
            return
    raise ClusterError(f"the launcher's node is not ready after {LAUNCHER_S / 60:.0f} min")


def ready_nodes(kube: Kube, place: Placement, *, with_efa: bool) -> tuple[str, ...]:
    """Sorted host names of the ready nodes of a kind; `with_efa`: that also offer it to pods."""
    selector = ",".join(f"{name}={value}" for name, value in place.node_selector.items())
    return tuple(
        sorted(
            node["metadata"]["labels"][HOST_NAME]
            for node in kube.list(NODE, selector=selector).items
            if is_ready(node)
            and (_offers_efa(node) or not with_efa)
            and not node.get("spec", {}).get("unschedulable", False)
        )
    )


def machines_of(kube: Kube, names: Collection[str]) -> tuple[str, ...]:
    """Ids of the machines of nodes given by host name: `aws:///us-east-2b/i-0123` ends with one."""
    return tuple(
        node["spec"]["providerID"].rpartition("/")[2]
        for node in kube.list(NODE).items
        if node["metadata"]["labels"].get(HOST_NAME) in names and node["spec"].get("providerID")
    )


def _offers_efa(node: dict[str, Any]) -> bool:
    return int(node.get("status", {}).get("allocatable", {}).get(EFA, "0")) > 0
