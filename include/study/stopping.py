"""Stops a study before its end: past its time to live or its budget, or without its nodes.

What was measured stays; no further point is begun, and the teardown follows as always.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.cost.account import spent_usd
from include.errors import BenchmarkError

if TYPE_CHECKING:
    from include.models import ClusterHandle
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "stopped.json"


class StudyStopped(BenchmarkError):
    """The study was stopped before its end; nothing more of it is begun."""


def stop(results: Results, reason: str) -> None:
    """Note that the study is stopped, and why; the first reason stays."""
    if why_stopped(results) is None:
        log.warning("the study is stopped: %s", reason)
        noted = {"reason": reason, "at": datetime.now(UTC).isoformat()}
        results.write_json(FILE, noted)


def why_stopped(results: Results) -> str | None:
    """Why the study was stopped, None when it was not."""
    if (noted := results.find_bytes(FILE)) is None:
        return None
    reason: str = json.loads(noted)["reason"]
    return reason


def require_going(results: Results, handle: ClusterHandle) -> None:
    """Raise StudyStopped when the study was stopped, or must be as it goes beyond its limits."""
    if reason := _past_limits(results, handle):
        stop(results, reason)
    if reason := why_stopped(results):
        raise StudyStopped(reason)


def _past_limits(results: Results, handle: ClusterHandle) -> str | None:
    study = results.plan().study
    if datetime.now(UTC) >= handle.expires_at:
        return f"its time to live of {study.ttl_hours:g} h has passed (ttl_hours)"
    if study.max_usd is None:
        return None
    spent = spent_usd(results)
    if spent is None or spent < study.max_usd:
        return None
    return f"${spent:,.2f} are spent, and max_usd is ${study.max_usd:,.2f}"
