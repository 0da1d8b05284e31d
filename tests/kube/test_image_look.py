"""A pod that runs one short command in an image."""

from __future__ import annotations

import pytest

from include.errors import ClusterError
from include.kube import image_look
from include.kube.image_look import CONTAINER, NotLooked, Request, look
from include.models import Placement
from tests.kube.api_server import serving
from tests.kube.scripted_nodes import POD_PATH

pytestmark = pytest.mark.sockets
STAMP = b"2026-11-28T23:00:00.000000001Z "


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(image_look, "LIMIT_S", 0.5)
    with serving() as (state, kube):
        yield state, kube


def request(**changes):
    values = {
        "study_id": "demo-1",
        "image": "registry.test/app:1",
        "pull_policy": "IfNotPresent",
        "command": ("sh", "-c", "true"),
        "place": Placement(node_selector={"pool": "hpc"}),
        "environment": {"A": "1"},
    }
    return Request(**values | changes)


def kubelet(state, container_state, log=b""):
    """A node that takes each pod to a state of its container at once."""
    pods = []

    def react(obj):
        if obj["kind"] != "Pod":
            return
        pods.append(obj)
        name = obj["metadata"]["name"]
        state.logs[name] = log
        status = {"containerStatuses": [{"name": CONTAINER, "state": container_state}]}
        state.put(f"{POD_PATH}/{name}", {**obj, "status": status})

    state.on_create.append(react)
    return pods


def test_what_the_command_prints_is_returned_and_nothing_stays(server):
    state, kube = server
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    pods = kubelet(state, ended, STAMP + b"look a b\n" + STAMP + b"look end yes\n")
    assert look(kube, request(pull_secret="key"))  # noqa: S106 == ("look a b", "look end yes")
    assert not [path for path in state.objects if path.startswith(POD_PATH)]
    assert not [path for _, path in state.requests if "daemonsets" in path]  # no right to them
    spec = pods[0]["spec"]
    assert spec["nodeSelector"] == {"pool": "hpc"}
    assert spec["imagePullSecrets"] == [{"name": "key"}]
    assert spec["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    assert pods[0]["metadata"]["annotations"]["linkerd.io/inject"] == "disabled"


@pytest.mark.parametrize(
    "container_state",
    [
        {
            "terminated": {
                "exitCode": 128,
                "reason": "StartError",
                "message": 'exec: "sh": executable file not found in $PATH: unknown',
            }
        },
        {
            "waiting": {
                "reason": "RunContainerError",
                "message": "exec: /bin/sh: no such file or directory",
            }
        },
    ],
)
def test_an_image_without_a_shell_is_told(server, container_state):
    state, kube = server
    kubelet(state, container_state)
    with pytest.raises(ClusterError, match="not even sh") as caught:
        look(kube, request())
    assert not isinstance(caught.value, NotLooked)


def test_a_pod_that_does_not_run_in_time_is_taken_away_and_says_so(server):
    state, kube = server
    kubelet(state, {"waiting": {"reason": "ContainerCreating"}})
    with pytest.raises(NotLooked, match="did not end within"):
        look(kube, request())
    assert not [path for path in state.objects if path.startswith(POD_PATH)]
