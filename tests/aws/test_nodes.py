from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from include.aws import nodes
from include.errors import ClusterError
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
    assert nodes.ready_nodes(client, nodes.WORKER) == ("good",)


def test_launcher_that_does_not_come_is_given_up(kube, monkeypatch):
    monkeypatch.setattr(nodes, "LAUNCHER_S", 0.0)
    monkeypatch.setattr(nodes, "POLL_S", 0.0)
    with pytest.raises(ClusterError, match="launcher's node is not ready, with EFA, after"):
        nodes.wait_launcher(kube[1])


class Eks:
    """Refuses changes of a node group while an earlier one is going on."""

    def __init__(self, *, busy):
        self.busy = busy
        self.asked = []

    def describe_nodegroup(self, **_):
        scaling = {"minSize": 0, "maxSize": 8, "desiredSize": 2, **(self.asked or [{}])[-1]}
        return {"nodegroup": {"scalingConfig": scaling}}

    def update_nodegroup_config(self, *, scalingConfig, **_):  # noqa: N803  AWS's name
        if self.busy:
            self.busy -= 1
            answer = {"Error": {"Code": "ResourceInUseException", "Message": "update going on"}}
            raise ClientError(answer, "UpdateNodegroupConfig")
        self.asked.append(scalingConfig)


def test_change_waits_for_an_earlier_one(monkeypatch):
    monkeypatch.setattr(nodes, "POLL_S", 0.0)
    eks = Eks(busy=3)
    nodes.set_workers(eks, "c", 0)
    assert eks.asked == [{"minSize": 0, "desiredSize": 0}]


def test_number_that_is_asked_for_already_is_not_asked_for_again():
    eks = Eks(busy=0)
    nodes.set_workers(eks, "c", 2)
    assert eks.asked == []


def test_change_that_is_never_accepted_is_given_up(monkeypatch):
    monkeypatch.setattr(nodes, "POLL_S", 0.0)
    monkeypatch.setattr(nodes, "UPDATE_S", 0.0)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        nodes.set_workers(Eks(busy=9999), "c", 0)
