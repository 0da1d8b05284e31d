"""Which nodes of somebody's cluster workers may use, and whether a pod fits on enough of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.checks import failed, passed
from include.kube.fit import REMEDY, lacking
from include.kube.kinds import NODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from include.checks import Check
    from include.kube.client import Kube
    from include.models import Placement


def selector_of(placement: Placement) -> str:
    """The label selector of the nodes that a placement allows."""
    return ",".join(f"{name}={value}" for name, value in placement.node_selector.items())


def usable(kube: Kube, placement: Placement) -> list[dict[str, Any]]:
    """The nodes that it allows, less those that are cordoned or known to be out of order."""
    nodes = kube.list(NODE, selector=selector_of(placement)).items
    return [n for n in nodes if not n["spec"].get("unschedulable", False) and _is_ready(n)]


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return all(each["status"] == "True" for each in conditions if each["type"] == "Ready")


def room(
    nodes: Sequence[dict[str, Any]], pod_resources: Mapping[str, str], *, wanted: int
) -> Check:
    """Whether a pod fits on enough of the nodes, by what they have for pods.

    What others' pods take of it is not counted: they may be gone by then.
    """
    lacks = [
        lacking(pod_resources, node.get("status", {}).get("allocatable", {})) for node in nodes
    ]
    large = sum(not each for each in lacks)
    found = f"{large} of {len(nodes)} nodes are large enough for a pod"
    if large >= wanted:
        return passed("pod resources", found)
    example = ", ".join(next((each for each in lacks if each), ("nothing that is lacking",)))
    found = f"{found}, the study asks for {wanted}; a pod asks for {example}"
    return failed("pod resources", found, remedy=REMEDY)
