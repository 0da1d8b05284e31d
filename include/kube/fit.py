"""Whether a pod's requests fit on a node, in quantities as Kubernetes writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubernetes.utils.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping


def lacking(requests: Mapping[str, str], offered: Mapping[str, str]) -> tuple[str, ...]:
    """A phrase for each resource of which the node has too little, as `cpu 96 of 95690m`."""
    return tuple(
        f"{name} {amount} of {offered.get(name, '0')}"
        for name, amount in requests.items()
        if parse_quantity(amount) > parse_quantity(offered.get(name, "0"))
    )
