"""Nodes of a cluster on EKS: their number, their place, and what must hold before jobs run."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from include.aws.problems import code_of
from include.errors import CapacityError, ClusterError
from include.kube.kinds import NODE
from include.models import Placement

if TYPE_CHECKING:
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
WORKERS = "workers"  # the node group
EFA = "vpc.amazonaws.com/efa"
HOST_NAME = "kubernetes.io/hostname"

LAUNCHER_S = 600.0
SCALE_S = 1200.0  # for all attempts together
UPDATE_S = 300.0
OUTDATED_S = 180.0
PAUSE_S = 60.0  # between a failed attempt and the next, at no nodes
POLL_S = 10.0
# What EKS says when EC2 gives no more nodes: https://docs.aws.amazon.com/eks (node group issues).
SHORTAGE = {
    "AsgInstanceLaunchFailures",
    "InstanceLimitExceeded",
    "InsufficientFreeAddresses",
    "NodeCreationFailure",
}


def set_workers(eks: Any, cluster: str, count: int) -> None:
    """Ask for so many workers, unless that was done; those above are ended.

    Waits while an earlier change is going on, which EKS would refuse.
    """
    wanted = {"minSize": 0, "desiredSize": count}
    if wanted.items() <= _group(eks, cluster)["scalingConfig"].items():
        return
    end = time.monotonic() + UPDATE_S
    while True:
        try:
            eks.update_nodegroup_config(
                clusterName=cluster, nodegroupName=WORKERS, scalingConfig=wanted
            )
        except ClientError as err:
            if code_of(err) != "ResourceInUseException" or time.monotonic() > end:
                raise
            time.sleep(POLL_S)
        else:
            log.info("%d workers are asked for", count)
            return


def add_workers(eks: Any, kube: Kube, *, cluster: str, count: int) -> tuple[str, ...]:
    """Host names of all workers, sorted, once that many are ready.

    When EC2 lacks nodes, those that it gave are returned at once, as they are paid for and of no
    use, and after a pause all are asked for again. CapacityError after 20 minutes, at no workers.
    """
    end = time.monotonic() + SCALE_S
    try:
        while True:
            told = _shortage(eks, cluster)
            set_workers(eks, cluster, count)
            found, shortage = _gather(eks, kube, cluster=cluster, count=count, end=end, told=told)
            if shortage is None:
                return found
            log.warning("%d of %d workers came: %s", len(found), count, shortage)
            set_workers(eks, cluster, 0)
            _pause(end, f"{len(found)} of {count} workers came, now there are none: {shortage}")
    except CapacityError:
        raise
    except BaseException:  # a cancelled task too: nodes that nobody waits for would be paid
        set_workers(eks, cluster, 0)
        raise


def _pause(end: float, said: str) -> None:
    if time.monotonic() + PAUSE_S > end:
        msg = f"{said}; try later, elsewhere, or with a capacity reservation"
        raise CapacityError(msg)
    time.sleep(PAUSE_S)


def _gather(
    eks: Any, kube: Kube, *, cluster: str, count: int, end: float, told: str | None
) -> tuple[tuple[str, ...], str | None]:
    """The workers that are ready, and why there are not enough of them, if so.

    EKS goes on telling of an earlier shortage for a while: what it `told` before counts later only.
    """
    outdated = time.monotonic() + OUTDATED_S
    while True:
        ready = ready_nodes(kube, WORKER)
        if len(ready) >= count:
            return ready, None
        issue = _shortage(eks, cluster)
        if issue and (issue != told or time.monotonic() > outdated):
            return ready, issue
        if time.monotonic() > end:
            return ready, "the others did not become ready, with EFA, in time"
        time.sleep(POLL_S)


def _shortage(eks: Any, cluster: str) -> str | None:
    """What EKS says against more nodes, None when nothing."""
    issues = _group(eks, cluster).get("health", {}).get("issues", [])
    found = [
        f"{issue['code']}: {issue['message']}" for issue in issues if issue["code"] in SHORTAGE
    ]
    return "; ".join(found) or None


def _group(eks: Any, cluster: str) -> dict[str, Any]:
    found: dict[str, Any] = eks.describe_nodegroup(clusterName=cluster, nodegroupName=WORKERS)[
        "nodegroup"
    ]
    return found


def wait_launcher(kube: Kube) -> None:
    """Wait for the launcher's node; ClusterError after ten minutes."""
    end = time.monotonic() + LAUNCHER_S
    while not ready_nodes(kube, LAUNCHER):
        if time.monotonic() > end:
            msg = f"the launcher's node is not ready, with EFA, after {LAUNCHER_S / 60:.0f} min"
            raise ClusterError(msg)
        time.sleep(POLL_S)


def ready_nodes(kube: Kube, place: Placement) -> tuple[str, ...]:
    """Host names, sorted, of the nodes of a kind that are ready and offer EFA to pods."""
    selector = ",".join(f"{name}={value}" for name, value in place.node_selector.items())
    return tuple(
        sorted(
            node["metadata"]["labels"][HOST_NAME]
            for node in kube.list(NODE, selector=selector).items
            if _is_ready(node) and not node.get("spec", {}).get("unschedulable", False)
        )
    )


def _is_ready(node: dict[str, Any]) -> bool:
    status = node.get("status", {})
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in status.get("conditions", [])
    )
    return ready and int(status.get("allocatable", {}).get(EFA, "0")) > 0
