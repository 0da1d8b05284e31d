"""The lease of a study's cluster: AWS deletes it an hour after the pipeline's last sign of life.

The schedule inside the stack starts the deletion at its start date. Each step of the study, and a
running point, moves that date on. A pipeline that dies therefore costs at most an hour of the
cluster, however it ended, and not the cluster's time to live.
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
SHORT = timedelta(minutes=15)  # remaining time below which a failed extension is an error
FORMAT = "%Y-%m-%dT%H:%M:%S"
# Fields from GetSchedule for UpdateSchedule, which resets whatever is not passed.
KEPT = (
    *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "State"),
    *("FlexibleTimeWindow", "Target", "Description", "EndDate", "ActionAfterCompletion"),
)


def lease_end(reservation: Reservation, *, now: datetime) -> datetime:
    """Instant of AWS's deletion without further renewal, never after the other guards' time."""
    return min(now + LEASE, guards_end_at(reservation))


def first_lease(reservation: Reservation) -> str:
    """Start date of the schedule in a stack made now."""
    until = lease_end(reservation, now=datetime.now(UTC))
    return until.astimezone(UTC).strftime(FORMAT)


def renew(scheduler: Any, reservation: Reservation) -> datetime:
    """Extend the lease; returns its end.

    While much of the lease is left, a failure is a warning: AWS may have a bad minute. Otherwise
    ClusterError, as the cluster could be deleted during the work.
    """
    now = datetime.now(UTC)
    wanted = lease_end(reservation, now=now)
    current: datetime | None = None
    try:
        schedule = scheduler.get_schedule(Name=name_of(reservation.study_id))
        current = schedule["StartDate"]
        if current is not None and current >= wanted - timedelta(minutes=1):
            return current
        kept = {name: schedule[name] for name in KEPT if schedule.get(name) is not None}
        scheduler.update_schedule(**kept, StartDate=wanted)
    except FAILURES as err:
        if current is None or current < now + SHORT:
            msg = f"the lease of the cluster cannot be extended: {explain(err)}"
            raise ClusterError(msg) from err
        log.warning("the lease ends at %s and could not be extended: %s", current, explain(err))
        return current
    log.info("AWS deletes the cluster at %s unless the study renews the lease", wanted)
    return wanted
