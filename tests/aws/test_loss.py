"""What a pipeline that is gone for good costs, at whichever step: at most one lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.aws import lease, stack
from include.errors import ClusterError
from tests.aws.behaviour import Place
from tests.aws.test_interruptions import Killed, line
from tests.clusters.test_eks import CLUSTER, reservation, study

__all__ = ["line"]
pytestmark = pytest.mark.sockets
RUN_6 = {"nodes": (8, 16, 32, 64), "ttl_hours": 8}
MOST_USD = 190
STEPS = [
    ("CreateStack", 1),
    ("DescribeStacks", 3),
    ("GetSchedule", 1),
    ("UpdateNodegroupConfig", 1),
    ("DescribeAutoScalingGroups", 2),
    ("DeleteStack", 1),
]


@pytest.mark.parametrize("step", STEPS, ids="{0[0]} {0[1]}".format)
def test_loss_after_any_step_is_one_lease(aws, kubernetes, line, step):
    mine = reservation(**RUN_6)
    line.dies_after = step
    try:
        CLUSTER.create(mine, study())
        handle = CLUSTER.wait_ready(mine, study())
        CLUSTER.add_workers(handle)
        CLUSTER.keep(handle, work_s=600)
        CLUSTER.delete(mine)
    except Killed:
        pass
    line.is_dead, line.dies_after = False, None
    assert loss_usd(aws, mine) <= MOST_USD


def loss_usd(aws, mine):
    """What the whole cluster costs until AWS deletes it by itself."""
    schedules = aws("scheduler").list_schedules()["Schedules"]
    if not schedules:
        return 0.0
    schedule = aws("scheduler").get_schedule(Name=schedules[0]["Name"])
    left_s = (schedule["StartDate"] - datetime.now(UTC)).total_seconds()
    return CLUSTER.tariff(mine).usd_per_hour * left_s / 3600


def test_a_point_that_takes_longer_than_a_lease_is_covered(aws, kubernetes):
    mine = reservation(**RUN_6)
    CLUSTER.create(mine, study())
    CLUSTER.keep(mine, work_s=7200)
    schedule = aws("scheduler").get_schedule(Name=stack.name_of(mine.study_id))
    assert schedule["StartDate"] - datetime.now(UTC) > timedelta(hours=2)


def test_lease_that_cannot_be_moved_on_stops_what_it_does_not_cover(aws, kubernetes, monkeypatch):
    place = Place(aws, kubernetes, monkeypatch)
    mine = place.made()
    soon = datetime.now(UTC) + timedelta(minutes=30)

    class Scheduler:
        def get_schedule(self, **_):
            return {"Name": "x", "StartDate": soon, "Target": {}}

        def update_schedule(self, **_):
            raise lease.FAILURES[0]({"Error": {"Code": "AccessDenied"}}, "UpdateSchedule")

    assert lease.renew(Scheduler(), mine, work=timedelta(minutes=10)) == soon
    with pytest.raises(ClusterError, match="lease of the cluster cannot be moved on"):
        lease.renew(Scheduler(), mine, work=timedelta(minutes=40))
