"""Nodes of somebody's cluster that workers may use, and the check that a pod fits on them."""

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

KEEPING_OUT = ("NoSchedule", "NoExecute")


def selector_of(placement: Placement) -> str:
    """The label selector of the nodes that a placement allows."""
    return ",".join(f"{name}={value}" for name, value in placement.node_selector.items())


def usable(kube: Kube, placement: Placement) -> list[dict[str, Any]]:
    """The nodes that it allows, less those that no pod of the study is put on."""
    nodes = kube.list(NODE, selector=selector_of(placement)).items
    return [node for node in nodes if _why_not(node, placement) is None]


def unusable(kube: Kube, placement: Placement) -> tuple[str, ...]:
    """Why the other nodes that it allows are not usable, each with its name."""
    nodes = kube.list(NODE, selector=selector_of(placement)).items
    reasons = ((node["metadata"]["name"], _why_not(node, placement)) for node in nodes)
    return tuple(f"{name} is {reason}" for name, reason in reasons if reason is not None)


def _why_not(node: dict[str, Any], placement: Placement) -> str | None:
    """Why no pod is put on a node: cordoned, out of order, or tainted; None when one may be."""
    spec = node.get("spec", {})
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
    """By Kubernetes' rules: what a toleration leaves out, it does not ask for."""
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


def room(
    nodes: Sequence[dict[str, Any]], pod_resources: Mapping[str, str], *, wanted: int
) -> Check:
    """A check that a pod fits on enough of the nodes, by their allocatable resources.

    What others' pods take of it is not counted: they may be gone by then.
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
