"""A client that looks at the cluster whenever it gets no answer."""

from __future__ import annotations

import socket
import time

import pytest
from kubernetes import client

from include.errors import ClusterError, PartDied
from include.kube import follower, guarded
from include.kube.answers import AccessRefused, Refused
from include.kube.client import Kube
from include.kube.guarded import GuardedKube
from include.kube.kinds import POD
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(guarded, "PAUSE_S", 0.01)


@pytest.fixture
def server():
    with serving() as (state, kube):
        yield state, kube


@pytest.fixture
def hanging():
    """A client of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        settings = client.Configuration(host=f"http://127.0.0.1:{port}")
        yield Kube(client.ApiClient(settings), namespace="study")


def dead():
    raise PartDied("etcd has died")


def well():
    """Nothing is wrong with the cluster."""


def test_a_dead_part_ends_a_request_that_is_not_answered(hanging):
    started = time.monotonic()
    with pytest.raises(PartDied, match="etcd"):
        GuardedKube(hanging, dead).request("GET", "/version", timeout_s=0.2)
    assert time.monotonic() - started < 5


def test_a_silence_of_a_cluster_that_is_well_is_borne_for_a_while(hanging, monkeypatch):
    monkeypatch.setattr(follower, "UNANSWERED_S", 0.5)
    with pytest.raises(ClusterError, match="no answer"):
        GuardedKube(hanging, well).request("GET", "/version", timeout_s=0.2)


def test_a_request_is_repeated_until_it_is_answered(server):
    state, kube = server
    state.refuse_next["GET"] = [503, 503, 503]
    assert GuardedKube(kube, well).list(POD).items == ()
    assert len(state.requests) == 4


@pytest.mark.parametrize("status", [400, 403, 415, 422])
def test_what_the_server_will_not_do_is_asked_for_once(server, status):
    state, kube = server
    state.refuse_next["POST"] = [status]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "p", "namespace": "study"}}
    with pytest.raises(Refused, match="refused by the test"):
        GuardedKube(kube, well).create(job)
    assert [method for method, _ in state.requests].count("POST") == 1


def test_a_silent_guard_does_not_end_the_patience(server):
    state, kube = server
    state.refuse_next["GET"] = [503]

    def silent():
        raise ClusterError("no answer")

    assert GuardedKube(kube, silent).list(POD).items == ()


def test_a_refused_credential_is_told_at_once(server):
    state, kube = server
    state.refuse_next["GET"] = [403]
    with pytest.raises(AccessRefused):
        GuardedKube(kube, well).list(POD)
    assert len(state.requests) == 1


def test_what_can_be_done_without_is_asked_for_once(server):
    state, kube = server
    state.refuse_next["GET"] = [503, 503]
    with pytest.raises(ClusterError):
        GuardedKube(kube, well).once().list(POD)
    assert len(state.requests) == 1


def test_a_client_of_another_namespace_is_guarded_too(server):
    state, kube = server
    other = GuardedKube(kube, dead).in_namespace("other")
    assert other.path(POD) == "/api/v1/namespaces/other/pods"
    state.refuse_next["GET"] = [503]
    with pytest.raises(PartDied, match="etcd"):
        other.list(POD)
