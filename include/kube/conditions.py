"""Conditions of a Kubernetes object and their instants."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any


def condition(resource: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """The condition of that type if it is true, otherwise None."""
    for candidate in resource.get("status", {}).get("conditions", []):
        if candidate.get("type") == kind and candidate.get("status") == "True":
            return dict(candidate)
    return None


def is_ready(resource: dict[str, Any]) -> bool:
    """True if a node or a pod reports that it is ready."""
    return condition(resource, "Ready") is not None


def is_down(node: dict[str, Any]) -> bool:
    """True if a node is not ready, or has not been heard of for a while."""
    known = node.get("status", {}).get("conditions", [])
    return any(each.get("type") == "Ready" and each.get("status") != "True" for each in known)


def instant(stamp: str) -> datetime:
    """A Kubernetes timestamp (RFC 3339) as an aware datetime."""
    return datetime.fromisoformat(stamp)


def known_instant(stamp: object) -> datetime | None:
    """The same; None for one that is missing or cannot be read, as it only times a fact."""
    with suppress(ValueError):
        at = instant(str(stamp or ""))
        return at if at.tzinfo else None
    return None
