"""Access rights on the simulated cluster, beyond those of every embedded cluster."""

from __future__ import annotations

from typing import Any

from include.embedded.access import READ, binding, role
from include.embedded.credentials import controller_user

KWOK = "kwok"
PLAYER = "simulated-applications"
KWOK_RULES = (
    ("", ("nodes", "pods"), ("get", "list", "watch", "patch", "update", "delete")),
    ("", ("nodes/status", "pods/status"), ("get", "patch", "update")),
    ("", ("events",), ("create", "patch", "update")),
    ("events.k8s.io", ("events",), ("create", "patch", "update")),
    ("coordination.k8s.io", ("leases",), (*READ, "create", "update", "patch", "delete")),
    ("kwok.x-k8s.io", ("stages",), READ),
    ("kwok.x-k8s.io", ("stages/status",), ("patch", "update")),
)
STAND_IN_RULES = (
    ("flux-framework.org", ("miniclusters",), READ),
    ("flux-framework.org", ("miniclusters/status",), ("get", "patch", "update")),
    ("", ("configmaps", "services"), ("get", "create", "patch")),
    ("batch", ("jobs",), ("get", "create", "patch")),
)
PLAYER_RULES = (
    ("", ("pods",), (*READ, "patch", "delete")),
    ("", ("pods/status",), ("patch",)),
)
PLAYER_CLUSTER_RULES = (("", ("nodes",), ("get", "create", "delete")),)


def stand_in() -> tuple[dict[str, Any], ...]:
    """Additional rights of KWOK while it stands in for the Flux Operator."""
    rights = binding(role_name="operator-benchmark:stand-in", user=controller_user(KWOK))
    rights["metadata"]["name"] = "operator-benchmark:stand-in"
    return (role("operator-benchmark:stand-in", STAND_IN_RULES), rights)


def objects(namespace: str) -> tuple[dict[str, Any], ...]:
    """Roles of KWOK, and of the player within the study's namespace."""
    player = controller_user(PLAYER)
    return (
        role("operator-benchmark:kwok", KWOK_RULES),
        binding(role_name="operator-benchmark:kwok", user=controller_user(KWOK)),
        role("operator-benchmark:player", PLAYER_RULES, namespace=namespace),
        binding(role_name="operator-benchmark:player", user=player, namespace=namespace),
        role("operator-benchmark:player", PLAYER_CLUSTER_RULES),
        binding(role_name="operator-benchmark:player", user=player),
    )
