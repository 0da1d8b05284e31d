"""Conditions of a Kubernetes object and their instants."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def condition(resource: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """The condition of that type when it is true, else None."""
    for candidate in resource.get("status", {}).get("conditions", []):
        if candidate["type"] == kind and candidate["status"] == "True":
            return dict(candidate)
    return None


def is_ready(resource: dict[str, Any]) -> bool:
    """True if a node or a pod says that it is ready."""
    return condition(resource, "Ready") is not None


def instant(stamp: str) -> datetime:
    """A Kubernetes time stamp (RFC 3339) as an aware datetime."""
    return datetime.fromisoformat(stamp)
