"""Nodes of a shared cluster that workers may use, and the check that a pod fits on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes.utils.quantity import parse_quantity

from include.checks import failed, passed
from include.errors import ClusterError
from include.kube.fit import REMEDY, lacking
from include.kube.kinds import NODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from include.checks import Check
    from include.kube.client import Kube
    from include.models import Placement

SHOWN = 5  # number of unusable nodes to name
KEEPING_OUT = ("NoSchedule", "NoExecute")


def selector_of(placement: Placement) -> str:
    """The label selector of the nodes that a placement allows."""
    return ",".join(f"{name}={value}" for name, value in placement.node_selector.items())


def usable(kube: Kube, placement: Placement) -> list[dict[str, Any]]:
    """The allowed nodes, without those that no pod of the study is put on."""
    nodes = kube.list(NODE, selector=selector_of(placement)).items
    return [node for node in nodes if _why_not(node, placement) is None]


def unusable(kube: Kube, placement: Placement) -> tuple[str, ...]:
    """Reasons why the other allowed nodes are unusable, each with the node's name."""
    nodes = kube.list(NODE, selector=selector_of(placement)).items
    reasons = ((node["metadata"]["name"], _why_not(node, placement)) for node in nodes)
    return tuple(f"{name} is {reason}" for name, reason in reasons if reason is not None)


def require(kube: Kube, placement: Placement, *, wanted: int) -> None:
    """ClusterError when workers have too few usable nodes, with the reasons."""
    there = usable(kube, placement)
    if len(there) < wanted:
        msg = (
            f"the study asks for {wanted} nodes, the cluster has {len(there)} that workers may "
            f"use{_named(placement)}: ask for fewer or add nodes{_others(kube, placement)}"
        )
        raise ClusterError(msg)


def _why_not(node: dict[str, Any], placement: Placement) -> str | None:
    """Reason why a node takes no pod: cordoned, not ready, or tainted; None when it does."""
    spec = node.get("spec", {})
    if "deletionTimestamp" in node["metadata"]:
        return "being deleted"
    if spec.get("unschedulable", False):
        return "cordoned"
    if not _is_ready(node):
        return "not Ready"
    keeping_out = [
        taint
        for taint in spec.get("taints") or ()
        if taint.get("effect") in KEEPING_OUT and not _is_tolerated(taint, placement)
    ]
    if not keeping_out:
        return None
    named = ", ".join(map(_taint, keeping_out))
    return f"tainted {named}, which the study does not tolerate"


def _taint(taint: dict[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _is_tolerated(taint: dict[str, Any], placement: Placement) -> bool:
    """True by Kubernetes' rules: an omitted field of a toleration matches everything."""
    return any(
        each.get("effect") in {None, "", taint["effect"]}
        and (
            (each.get("operator") == "Exists" and each.get("key") in {None, "", taint["key"]})
            or (
                each.get("operator", "Equal") in {"", "Equal"}
                and each.get("key") == taint["key"]
                and (each.get("value") or "") == (taint.get("value") or "")
            )
        )
        for each in placement.tolerations
    )


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return all(each["status"] == "True" for each in conditions if each["type"] == "Ready")


def _others(kube: Kube, placement: Placement) -> str:
    """The allowed but unusable nodes, each with the reason."""
    refused = unusable(kube, placement)
    more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    return f" ({'; '.join(refused[:SHOWN])}{more})" if refused else ""


def _named(placement: Placement) -> str:
    """The required labels of a placement, in words."""
    return f" (labels {selector_of(placement)})" if placement.node_selector else ""


def launcher(kube: Kube, placement: Placement) -> Check:
    """Check that some node takes a launcher's pod."""
    if nodes := usable(kube, placement):
        return passed("launcher", f"{len(nodes)} nodes may run it")
    problem = f"no node may run it{_named(placement)}{_others(kube, placement)}"
    remedy = "set cluster_options.launcher (node_selector, tolerations), as for the workers"
    return failed("launcher", problem, remedy=remedy)


def least_cpus(nodes: Sequence[dict[str, Any]]) -> int | None:
    """The CPUs of the smallest node; None without nodes."""
    capacities = (node["status"]["capacity"]["cpu"] for node in nodes)
    return min((int(parse_quantity(cpu)) for cpu in capacities), default=None)


def room(
    nodes: Sequence[dict[str, Any]], pod_resources: Mapping[str, str], *, wanted: int
) -> Check:
    """Check that a pod fits on enough of the nodes, by their allocatable resources.

    The share taken by others' pods is ignored: they may be gone by then.
    """
    lacks = [
        lacking(pod_resources, node.get("status", {}).get("allocatable", {})) for node in nodes
    ]
    large = sum(not each for each in lacks)
    fit_text = f"{large} of {len(nodes)} nodes are large enough for a pod"
    if large >= wanted:
        return passed("pod resources", fit_text)
    example = ", ".join(next((each for each in lacks if each), ("nothing that is lacking",)))
    fit_text = f"{fit_text}, the study asks for {wanted}; a pod asks for {example}"
    return failed("pod resources", fit_text, remedy=REMEDY)
