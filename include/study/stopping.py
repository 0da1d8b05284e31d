"""Stops a study early: past its time to live or its budget, or without its nodes.

All measurements stay; no further point starts, and the teardown follows as always. Clearing tasks
of the run resumes it: with a new cluster, or on one that still exists.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include import clusters
from include.cost.account import spent_usd
from include.errors import BenchmarkError, ParseError

if TYPE_CHECKING:
    from include.models import ClusterHandle
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "stopped.json"
LIFTED, REFUSED = "lifted_at", "refused"  # keys in it: the end of the stop, the refused tasks


class StudyStopped(BenchmarkError):
    """The study was stopped early; nothing more of it is started."""


def stop(results: Results, reason: str) -> None:
    """Note that the study is stopped, and why; the first reason stays."""
    if why_stopped(results) is None:
        log.warning("the study is stopped: %s", reason)
        noted = {"reason": reason, "at": datetime.now(UTC).isoformat()}
        results.write_json(FILE, noted)


def why_stopped(results: Results) -> str | None:
    """Reason why the study is stopped, None when it is not, or no longer."""
    try:
        noted = _noted(results)
    except ParseError as err:  # it was stopped in any case
        return str(err)
    return None if noted is None or LIFTED in noted else str(noted["reason"])


def lift(results: Results) -> None:
    """Resume a stopped study, as somebody runs its tasks again."""
    if (reason := why_stopped(results)) is not None:
        log.info("the study goes on; it was stopped before: %s", reason)
        results.write_json(FILE, {"reason": reason, LIFTED: datetime.now(UTC).isoformat()})


def lifted_at(results: Results) -> datetime | None:
    """Instant since which a stopped study has resumed, None for any other."""
    with suppress(ParseError):
        noted = _noted(results) or {}
        return datetime.fromisoformat(noted[LIFTED]) if LIFTED in noted else None
    return None


def require_going(results: Results, handle: ClusterHandle, *, task: str = "") -> None:
    """Raise StudyStopped when the study was stopped, or must be for exceeding its limits.

    A task refused by a stop that runs again was cleared: somebody wants it to go on.
    """
    if task and task in _refused(results):
        lift(results)
    if reason := _past_limits(results, handle):
        stop(results, reason)
    if reason := why_stopped(results):
        _note_refused(results, task)
        raise StudyStopped(reason)


def _noted(results: Results) -> dict[str, Any] | None:
    noted: dict[str, Any] | None = results.find_json(FILE)
    return noted


def _refused(results: Results) -> list[str]:
    """Tasks refused since the study was stopped."""
    with suppress(ParseError):
        return list((_noted(results) or {}).get(REFUSED, ()))
    return []


def _note_refused(results: Results, task: str) -> None:
    with suppress(ParseError, OSError):  # the store may be the reason for the stop
        refused = [*_refused(results), *([task] if task else [])]
        results.write_json(FILE, {**(_noted(results) or {}), REFUSED: refused})


def _past_limits(results: Results, handle: ClusterHandle) -> str | None:
    study = results.plan().study
    if datetime.now(UTC) >= handle.expires_at:
        return f"its time to live of {study.ttl_hours:g} h has passed (ttl_hours)"
    ends_at = clusters.load(handle.cluster).ends_at(handle)
    if ends_at and datetime.now(UTC) + timedelta(seconds=study.point_timeout_s) > ends_at:
        return (
            f"a point may take {study.point_timeout_s:g} s (point_timeout_s), and its cluster is "
            f"taken away at {ends_at:%H:%M} UTC: raise ttl_hours"
        )
    if study.max_usd is None:
        return None
    spent = spent_usd(results)
    if spent is None or spent < study.max_usd:
        return None
    return f"${spent:,.2f} have been spent, and max_usd is ${study.max_usd:,.2f}"
