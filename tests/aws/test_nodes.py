"""Which nodes count; workers that come, late, too few, or at the second attempt."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from include import waiting
from include.aws import nodes, scaling
from include.aws.scaling import WorkerGroup
from include.errors import CapacityError, ClusterError
from tests.aws.account import node
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets


@pytest.fixture
def kube():
    with serving() as (state, client):
        yield state, client


def add(state, name, **how):
    state.put(f"/api/v1/nodes/{name}", node(name, **how))


def test_only_ready_nodes_of_the_kind_that_offer_efa_count(kube):
    state, client = kube
    add(state, "good", role="worker")
    add(state, "other", role="launcher")
    add(state, "starting", role="worker", ready="False")
    add(state, "without-efa", role="worker", efa="0")
    add(state, "cordoned", role="worker")
    state.objects["/api/v1/nodes/cordoned"]["spec"]["unschedulable"] = True
    assert nodes.ready_nodes(client, nodes.WORKER, with_efa=True) == ("good",)
    without = nodes.ready_nodes(client, nodes.WORKER, with_efa=False)
    assert without == ("good", "without-efa")


def test_launcher_needs_no_efa(kube):
    add(kube[0], "launcher", role="launcher", efa="0")
    nodes.wait_launcher(kube[1])


def test_launcher_that_does_not_come_is_given_up(kube, monkeypatch):
    monkeypatch.setattr(nodes, "LAUNCHER_S", 0.0)
    monkeypatch.setattr(nodes, "POLL_S", 0.0)
    with pytest.raises(ClusterError, match="launcher's node is not ready after"):
        nodes.wait_launcher(kube[1])


# ---- a shortage, played -------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Ec2:
    """Auto Scaling over EC2: capacity by time, nodes that join late, and what is paid for.

    EKS's health of the node group tells of the first shortage for ever, as the real one does.
    """

    TRIES_EVERY_S = 60.0  # Auto Scaling's own attempts
    DRAIN_S = 900.0  # of a machine that its group gives back

    def __init__(self, clock, *, capacity, join_s, fails_after_s=30.0):
        self.clock = clock
        self.capacity = capacity  # a function of the time
        self.join_s = join_s
        self.fails_after_s = fails_after_s
        self.desired = 0
        self.machines = {}  # id: start
        self.ends = {}  # id: when its group gives it back
        self.failures = []
        self.paid_s = 0.0
        self.asked_at = []
        self._tried_at = None
        self._at = 0.0
        self.shortage_known_at = None
        self.paid_after_known_s = 0.0

    def step(self):
        """Let what happened until now happen."""
        while self._at < self.clock.now:
            self._at += 1.0
            self._second()

    def _second(self):
        for each in [e for e, at in self.ends.items() if at <= self._at]:
            self.machines.pop(each, None)
            del self.ends[each]
        running = len(self.machines)
        self.paid_s += running
        if self.shortage_known_at is not None:
            self.paid_after_known_s += running and 1
        missing = self.desired - (running - len(self.ends))
        if missing <= 0 or self._at - self._tried_at < self.fails_after_s:
            return
        self._tried_at = self._at + self.TRIES_EVERY_S - self.fails_after_s
        room = max(0, self.capacity(self._at) - running)
        for _ in range(min(missing, room)):
            self.machines[f"i-{self._at:.0f}-{len(self.machines)}"] = self._at
        if missing > room:
            self.failures.append(
                {
                    "ActivityId": f"a-{len(self.failures)}",
                    "StatusCode": "Failed",
                    "StatusMessage": "InsufficientInstanceCapacity",
                }
            )
            self.shortage_known_at = self._at

    def client(self, _service):
        return self

    def describe_nodegroup(self, **_):
        issue = {"code": "AsgInstanceLaunchFailures", "message": "told for ever"}
        return {
            "nodegroup": {
                "scalingConfig": {"minSize": 0, "desiredSize": self.desired, "maxSize": 64},
                "health": {"issues": [issue] if self.failures else []},
                "resources": {"autoScalingGroups": [{"name": "asg"}]},
            }
        }

    def update_nodegroup_config(self, *, scalingConfig, **_):  # noqa: N803
        self.step()
        self.desired = scalingConfig["desiredSize"]
        self._tried_at = self._at
        self.shortage_known_at = None
        if self.desired:
            assert not self.ends, "asked again while machines are still counted"
            self.asked_at.append(self.clock.now)
        for each in list(self.machines)[self.desired :]:
            self.ends.setdefault(each, self._at + self.DRAIN_S)

    def describe_auto_scaling_groups(self, **_):
        self.step()
        listed = [
            {
                "InstanceId": each,
                "LifecycleState": "Terminating:Wait" if each in self.ends else "InService",
            }
            for each in self.machines
        ]
        return {"AutoScalingGroups": [{"DesiredCapacity": self.desired, "Instances": listed}]}

    def terminate_instances(self, *, InstanceIds):  # noqa: N803
        for each in InstanceIds:
            self.ends[each] = self._at

    def terminate_instance_in_auto_scaling_group(
        self,
        *,
        InstanceId,  # noqa: N803
        ShouldDecrementDesiredCapacity,  # noqa: N803
    ):
        assert ShouldDecrementDesiredCapacity
        self.desired -= 1
        self.ends[InstanceId] = self._at + self.DRAIN_S

    def get_paginator(self, _name):
        return self

    def paginate(self, **_):
        self.step()
        return [{"Activities": list(reversed(self.failures))}]

    def ready(self, *_, **__):
        self.step()
        return tuple(sorted(e for e, at in self.machines.items() if self._at - at >= self.join_s))


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (nodes, waiting):
        monkeypatch.setattr(module, "time", made)
    return made


def workers(ec2, monkeypatch, *, count=64, least=None):
    monkeypatch.setattr(nodes, "ready_nodes", ec2.ready)
    group = WorkerGroup(ec2.client, cluster="c")
    return nodes.add_workers(group, None, count=count, least=least, with_efa=True)


@pytest.mark.parametrize("join_s", [100, 170, 200, 400])
def test_capacity_that_comes_back_at_the_second_attempt_is_used(clock, monkeypatch, join_s):
    ec2 = Ec2(clock, capacity=lambda at: 40 if at < 150 else 64, join_s=join_s)
    assert len(workers(ec2, monkeypatch)) == 64
    assert len(ec2.asked_at) == 2
    assert clock.now < 300 + join_s
    first = ec2.asked_at[1] - ec2.asked_at[0]
    assert ec2.paid_after_known_s <= 60
    assert first < 300


def test_machines_of_a_shortage_are_paid_for_a_minute_after_it_is_known(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 40, join_s=200)
    with pytest.raises(CapacityError, match=r"of 64 workers came; they have been ended: Insuff"):
        workers(ec2, monkeypatch)
    assert ec2.desired == 0
    assert not set(ec2.machines) - set(ec2.ends)
    assert ec2.paid_after_known_s <= 60 * len(ec2.asked_at)
    assert clock.now <= nodes.SCALE_S + nodes.PAUSE_S


def test_group_that_gets_its_machines_one_try_later_is_let_do_so(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda at: 40 if at < 60 else 64, join_s=100)
    ec2.TRIES_EVERY_S = 35.0
    assert len(workers(ec2, monkeypatch)) == 64
    assert len(ec2.asked_at) == 1


def test_as_many_as_the_study_can_do_with_are_kept(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 40, join_s=200)
    assert len(workers(ec2, monkeypatch, least=32)) == 40
    assert ec2.desired == 40


def test_fewer_than_the_study_can_do_with_are_given_back(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 20, join_s=200)
    with pytest.raises(CapacityError):
        workers(ec2, monkeypatch, least=32)
    assert ec2.desired == 0


def test_machines_that_never_become_nodes_are_given_up(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 64, join_s=10_000)
    with pytest.raises(CapacityError, match="did not become ready, with EFA, in time"):
        workers(ec2, monkeypatch)
    assert ec2.desired == 0


def test_machines_that_are_given_back_are_these_alone_and_end_at_once(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 64, join_s=100)
    names = workers(ec2, monkeypatch)
    group = WorkerGroup(ec2.client, cluster="c")
    before = clock.now
    group.shrink(names[8:])
    assert set(ec2.machines) == set(names[:8])
    assert ec2.desired == 8
    assert clock.now - before <= 60
    group.shrink(names[8:])  # again, after a worker that died
    assert ec2.desired == 8


def test_keeping_no_worker_ends_every_machine_of_the_group(clock, monkeypatch):
    ec2 = Ec2(clock, capacity=lambda _at: 64, join_s=100)
    names = workers(ec2, monkeypatch)
    group = WorkerGroup(ec2.client, cluster="c")
    nodes.keep_workers(group, None, names, kept=())
    assert (ec2.machines, ec2.desired) == ({}, 0)


def test_release_waits_until_eks_is_done_with_its_change(monkeypatch):
    monkeypatch.setattr(scaling, "POLL_S", 0.0)
    states = ["UPDATING", "UPDATING", "ACTIVE"]
    group = WorkerGroup(None, cluster="c")
    monkeypatch.setattr(group, "ask", lambda _count: None)
    none = scaling.Standing(desired=0, instances=(), in_service=0, failures={})
    monkeypatch.setattr(group, "look", lambda: none)
    monkeypatch.setattr(group, "_described", lambda: {"status": states.pop(0)})
    group.release()
    assert states == []


class Eks:
    """Refuses changes of a node group while an earlier one is going on."""

    def __init__(self, *, busy):
        self.busy = busy
        self.asked = []

    def describe_nodegroup(self, **_):
        wanted = {"minSize": 0, "maxSize": 8, "desiredSize": 2, **(self.asked or [{}])[-1]}
        return {"nodegroup": {"scalingConfig": wanted}}

    def update_nodegroup_config(self, *, scalingConfig, **_):  # noqa: N803  AWS's name
        if self.busy:
            self.busy -= 1
            answer = {"Error": {"Code": "ResourceInUseException", "Message": "update going on"}}
            raise ClientError(answer, "UpdateNodegroupConfig")
        self.asked.append(scalingConfig)


def group_of(eks):
    return WorkerGroup(lambda _service: eks, cluster="c")


def test_change_waits_for_an_earlier_one(monkeypatch):
    monkeypatch.setattr(scaling, "POLL_S", 0.0)
    eks = Eks(busy=3)
    group_of(eks).ask(0)
    assert eks.asked == [{"minSize": 0, "desiredSize": 0}]


def test_number_that_is_asked_for_already_is_not_asked_for_again():
    eks = Eks(busy=0)
    group_of(eks).ask(2)
    assert eks.asked == []


def test_change_that_is_never_accepted_is_given_up(monkeypatch):
    monkeypatch.setattr(scaling, "POLL_S", 0.0)
    monkeypatch.setattr(scaling, "UPDATE_S", 0.0)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        group_of(Eks(busy=9999)).ask(0)
