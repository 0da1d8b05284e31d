"""What a pipeline that is gone for good costs, at whichever step: at most one lease."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from include.aws import lease, stack
from include.errors import ClusterError
from include.study import upkeep
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
        CLUSTER.keep(handle)
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


def test_a_point_of_two_hours_keeps_its_cluster_and_never_leaves_more_than_a_lease(
    aws, kubernetes, monkeypatch
):
    """The point is followed by a clock of the test's own, which AWS's schedule is read by."""
    mine = reservation(**RUN_6)
    CLUSTER.create(mine, study())
    handle = CLUSTER.wait_ready(mine, study())
    passed_s = 0.0
    began, real = datetime.now(UTC), time.monotonic()

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return began + timedelta(seconds=passed_s)

    monkeypatch.setattr(lease, "datetime", Clock)
    monkeypatch.setattr(upkeep.time, "monotonic", lambda: real + passed_s)
    kept = upkeep.Upkeep(handle)
    left = []
    while passed_s < 7200:
        passed_s += 240.0
        kept.look()
        schedule = aws("scheduler").get_schedule(Name=stack.name_of(mine.study_id))
        left.append(schedule["StartDate"] - Clock.now())
    assert min(left) > timedelta(minutes=45)
    assert max(left) <= lease.LEASE


def test_lease_that_cannot_be_moved_on_stops_a_study_when_little_of_it_is_left(
    aws, kubernetes, monkeypatch
):
    place = Place(aws, kubernetes, monkeypatch)
    mine = place.made()
    soon = datetime.now(UTC) + timedelta(minutes=30)

    class Scheduler:
        def get_schedule(self, **_):
            return {"Name": "x", "StartDate": soon, "Target": {}}

        def update_schedule(self, **_):
            raise lease.FAILURES[0]({"Error": {"Code": "AccessDenied"}}, "UpdateSchedule")

    assert lease.renew(Scheduler(), mine) == soon
    soon = datetime.now(UTC) + timedelta(minutes=10)
    with pytest.raises(ClusterError, match="lease of the cluster cannot be extended"):
        lease.renew(Scheduler(), mine)
