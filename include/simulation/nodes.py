"""The simulated nodes: one for launchers, tainted, and the workers, as in run 6."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from include.kube.kinds import NODE
from include.models import Placement

if TYPE_CHECKING:
    from include.kube.client import Kube

LAUNCHER = "simulated-launcher"
INSTANCE_TYPE = "hpc6a.48xlarge (simulated)"
INSTANCE_TYPE_LABEL = "hpc6a.48xlarge"  # a label's value allows no spaces or brackets
RESOURCES = {"cpu": "96", "memory": "384Gi", "pods": "110", "vpc.amazonaws.com/efa": "1"}
MANAGED = {"kwok.x-k8s.io/node": "fake"}
LAUNCHER_PLACE = Placement(
    node_selector={"launcher": "true"},
    tolerations=({"key": "launcher", "operator": "Equal", "value": "true"},),
)
WORKER_PLACE = Placement(node_selector={"flux-operator": "true"})
AT_ONCE = 8  # the client keeps ten connections


def objects(workers: int) -> list[dict[str, Any]]:
    """The launcher's node and the workers, with the labels and the taint of run 6."""
    taint = {"key": "launcher", "value": "true", "effect": "NoSchedule"}
    return [
        _node(LAUNCHER, LAUNCHER_PLACE.node_selector, spec={"taints": [taint]}),
        *(_node(name, WORKER_PLACE.node_selector, spec={}) for name in worker_names(workers)),
    ]


def worker_names(workers: int) -> tuple[str, ...]:
    """Host names of the workers, in order."""
    return tuple(f"simulated-worker-{number:04d}" for number in range(1, workers + 1))


def _node(name: str, labels: dict[str, str], *, spec: dict[str, Any]) -> dict[str, Any]:
    own = {
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": INSTANCE_TYPE_LABEL,
        "operator-benchmark/simulated": "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**own, **labels}, "annotations": MANAGED},
        "spec": spec,
        "status": {"allocatable": RESOURCES, "capacity": RESOURCES},
    }


def keep(kube: Kube, names: tuple[str, ...]) -> None:
    """Delete all workers except these."""
    there = (node["metadata"]["name"] for node in kube.list(NODE).items)
    gone = [name for name in there if name not in {LAUNCHER, *names}]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(partial(kube.delete, NODE), gone))


def create(kube: Kube, workers: int) -> None:
    """Create all nodes in parallel: one by one, a thousand would take most of a minute."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(kube.create, objects(workers)))
