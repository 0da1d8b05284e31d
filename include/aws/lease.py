"""The lease of a study's cluster: AWS deletes it an hour after the pipeline was last heard of.

The schedule inside the stack begins to delete at its start date. Each step of the study moves that
date on, so a pipeline that is gone for good costs an hour of the cluster and not its time to live.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.aws.problems import FAILURES, explain
from include.aws.stack import guards_end_at, name_of
from include.errors import ClusterError

if TYPE_CHECKING:
    from include.models import Reservation

log = logging.getLogger(__name__)

LEASE = timedelta(hours=1)
MARGIN = timedelta(minutes=15)  # slack for the teardown after a point's own time limit
FORMAT = "%Y-%m-%dT%H:%M:%S"
# What GetSchedule tells and UpdateSchedule takes, which sets back whatever it is not told.
KEPT = (
    *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "State"),
    *("FlexibleTimeWindow", "Target", "Description", "EndDate", "ActionAfterCompletion"),
)


def lease_end(reservation: Reservation, *, now: datetime, work: timedelta) -> datetime:
    """When AWS may delete if nothing more is heard: never behind the time of the other guards."""
    until = now + max(LEASE, work + MARGIN)
    return min(until, guards_end_at(reservation))


def first_lease(reservation: Reservation) -> str:
    """The start date of the schedule in a stack that is made now."""
    until = lease_end(reservation, now=datetime.now(UTC), work=timedelta())
    return until.astimezone(UTC).strftime(FORMAT)


def renew(scheduler: Any, reservation: Reservation, *, work: timedelta) -> datetime:
    """Move the lease on for work that takes so long; returns when it ends.

    A failure is a warning while the lease still covers the work: AWS may have a bad minute.
    ClusterError when it does not, as the cluster could be deleted under the work.
    """
    now = datetime.now(UTC)
    wanted = lease_end(reservation, now=now, work=work)
    current: datetime | None = None
    try:
        schedule = scheduler.get_schedule(Name=name_of(reservation.study_id))
        current = schedule["StartDate"]
        if current is not None and current >= wanted - timedelta(minutes=1):
            return current
        kept = {name: schedule[name] for name in KEPT if schedule.get(name) is not None}
        scheduler.update_schedule(**kept, StartDate=wanted)
    except FAILURES as err:
        if current is None or current < now + work:
            msg = f"the lease of the cluster cannot be moved on: {explain(err)}"
            raise ClusterError(msg) from err
        log.warning("the lease ends at %s and could not be moved on: %s", current, explain(err))
        return current
    log.info("AWS deletes the cluster at %s unless it hears of the study before", wanted)
    return wanted
