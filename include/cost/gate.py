"""A check of a study's estimated cost and duration against its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.checks import Check, failed, passed, unknown
from include.cost.estimate import duration_text, usd_text

if TYPE_CHECKING:
    from include.cost.estimate import Estimate
    from include.models import Study

SHORTER = "fewer repeats, warmups or nodes"
LIMIT_FROM_USD = 50.0  # a more expensive study must set max_usd


def gate(study: Study, estimate: Estimate) -> tuple[Check, ...]:
    """The estimate against the study's own limits: `max_usd` and `ttl_hours`."""
    return (_cost(study, estimate), _duration(study, estimate))


def _cost(study: Study, estimate: Estimate) -> Check:
    name = "cost"
    if estimate.usd is None:
        cost_text = "the cluster has no known price"
        if study.max_usd is None:
            return passed(name, f"{cost_text}, and the study sets no max_usd")
        remedy = "max_usd cannot be held: name cluster_options.hourly_price_usd"
        return unknown(name, cost_text, remedy=remedy)
    least = "at most" if estimate.is_upper_bound else "about"
    expected = f"{least} {usd_text(estimate.usd)}"
    if study.max_usd is None and estimate.usd > LIMIT_FROM_USD:
        remedy = "name the most that it may cost in max_usd"
        return failed(name, f"{expected}, and the study sets no max_usd", remedy=remedy)
    if study.max_usd is None:
        return passed(name, f"{expected}; the study sets no max_usd")
    if estimate.usd > study.max_usd:
        lower = "a lower point_timeout_s, " if estimate.is_upper_bound else ""
        cost_text = f"{expected}, max_usd is {usd_text(study.max_usd)}"
        return failed(name, cost_text, remedy=f"ask for {lower}{SHORTER}, or raise max_usd")
    return passed(name, f"{expected} of max_usd {usd_text(study.max_usd)}")


def _duration(study: Study, estimate: Estimate) -> Check:
    name = "time to live"
    limit = f"ttl_hours is {study.ttl_hours:g}"
    expected = duration_text(estimate.duration_s)
    at_expiry = estimate.usd_at_expiry
    cost = "" if at_expiry is None else f"; a cluster left alone until then: {usd_text(at_expiry)}"
    if estimate.duration_s <= study.ttl_hours * 3600:
        return passed(name, f"{expected} of {study.ttl_hours:g} h{cost}")
    if estimate.is_upper_bound:
        with_limits = f"points with their time limits come to {expected}, {limit}"
        return unknown(name, with_limits, remedy="raise ttl_hours if points take long")
    remedy = f"the study would be stopped before its end: raise ttl_hours, or ask for {SHORTER}"
    return failed(name, f"{expected} are expected, {limit}", remedy=remedy)
