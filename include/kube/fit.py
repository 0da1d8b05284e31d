"""The check that a pod's requests fit on a node, in Kubernetes quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubernetes.utils.quantity import parse_quantity

from include.checks import failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.checks import Check

REMEDY = "lower pod_resources"


def lacking(requests: Mapping[str, str], offered: Mapping[str, str]) -> tuple[str, ...]:
    """A phrase for each resource that the node has too little of, as `cpu 96 of 95690m`."""
    return tuple(
        f"{name} {amount} of {offered.get(name, '0')}"
        for name, amount in requests.items()
        if parse_quantity(amount) > parse_quantity(offered.get(name, "0"))
    )


def check(requests: Mapping[str, str], offered: Mapping[str, str], *, whose: str) -> Check:
    """The check `pod resources` against identical nodes; `whose` is a name for one."""
    if lacks := lacking(requests, offered):
        text = f"a pod asks for {', '.join(lacks)} that {whose} has for pods"
        return failed("pod resources", text, remedy=REMEDY)
    fits = (f"{name} {amount} of {offered[name]}" for name, amount in requests.items())
    return passed("pod resources", ", ".join(fits) or "a pod asks for nothing")
