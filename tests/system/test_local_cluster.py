"""The local cluster on this very machine: what it offers and what it refuses."""

from __future__ import annotations

import pytest
from kubernetes.utils.quantity import parse_quantity

from include import k8s_operators
from include.embedded import (
    local_cluster,
    machine,
    network,
    probe,
    processes,
    state,
)
from include.embedded.layout import BRIDGE_ADDRESS, KUBELET_PORT, LOOPBACK, Node
from include.errors import ClusterError
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NODE, POD, SECRET, ResourceKind
from tests.system.conftest import LOCAL, STUDY

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

UNAUTHORIZED = 401
SERVICE_ACCOUNT = ResourceKind(
    group="", version="v1", plural="serviceaccounts", kind="ServiceAccount"
)
POD_SPEC = {"containers": [{"name": "a", "image": "x", "command": ["true"]}]}


def started(state_folder):
    return state.read(state_folder).processes


def test_two_nodes_are_ready_and_a_second_create_adopts_them(state_folder, reservation, handle):
    assert {node["metadata"]["name"] for node in LOCAL.connect(handle).list(NODE).items} == {
        "node-1",
        "node-2",
    }
    assert handle.image_digest.startswith("sha256:")
    assert any("one machine" in note for note in handle.notes)
    before = started(state_folder)
    LOCAL.create(reservation, STUDY)
    assert started(state_folder) == before
    with pytest.raises(ClusterError, match=r"study system-test-\d+ is running.*make clean"):
        LOCAL.create(LOCAL.reserve(STUDY, study_id="another"), STUDY)
    LOCAL.delete(LOCAL.reserve(STUDY, study_id="another"))
    assert started(state_folder) == before
    assert state_folder.stat().st_mode & 0o777 == 0o700


def test_nodes_have_for_pods_what_the_check_before_said(handle):
    said = machine.for_pods(machine.this_machine(), node_count=handle.nodes)
    for node in LOCAL.connect(handle).list(NODE).items:
        found = node["status"]["allocatable"]
        assert found["cpu"] == said["cpu"]
        differs = parse_quantity(found["memory"]) - parse_quantity(said["memory"])
        assert abs(differs) < parse_quantity("2Mi")  # whole MiB are said


def test_nobody_gets_in_without_a_certificate(state_folder, handle, monkeypatch):
    monkeypatch.setattr(probe, "TIMEOUT_S", 20.0)
    layout = local_cluster.layout_of(state_folder)
    api = {"port": 16443, "path": "/api/v1/secrets"}
    status, _ = probe.get(layout, BRIDGE_ADDRESS, user=None, **api)
    assert status == UNAUTHORIZED
    kubelet = {"port": KUBELET_PORT, "path": "/pods"}
    status, _ = probe.get(layout, Node(number=1).address, user=None, **kubelet)
    assert status == UNAUTHORIZED
    status, _ = probe.get(layout, Node(number=1).address, user="pipeline", **kubelet)
    assert status == 403
    with pytest.raises(OSError, match="(?i)ssl|certificate|reset"):
        probe.get(layout, LOOPBACK, port=12379, path="/health", user="admin")


def wait_for_account(state_folder, namespace):
    """A namespace gets its account a moment after it was made; before, no pod is admitted."""
    owner = local_cluster.admin(local_cluster.layout_of(state_folder), namespace=namespace)
    processes.wait_for(
        "the namespace's account",
        lambda: owner.get(SERVICE_ACCOUNT, "default") is not None,
        timeout_s=30,
    )
    owner.close()


def test_the_pipeline_may_work_in_its_namespace_only(state_folder, handle):
    wait_for_account(state_folder, handle.namespace)
    kube = LOCAL.connect(handle)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": POD_SPEC}
    assert kube.list(SECRET).items == ()
    with pytest.raises(ClusterError, match="lacks the right"):
        kube.in_namespace("kube-system").list(SECRET)
    with pytest.raises(ClusterError, match="lacks the right"):
        kube.in_namespace("default").create(pod)
    with pytest.raises(ClusterError, match="lacks the right"):
        kube.list(CUSTOM_RESOURCE_DEFINITION)
    privileged = {**POD_SPEC, "hostNetwork": True}
    with pytest.raises(ClusterError, match="baseline"):
        kube.create({**pod, "spec": privileged})
    assert kube.list(POD).items == ()


def test_a_controller_comes_and_goes(state_folder, handle):
    controller = k8s_operators.load("mpi_operator").controller
    assert LOCAL.install(handle, controller) == "v0.8.2"
    running = state.read(state_folder).process(controller.name)
    LOCAL.install(handle, controller)
    assert state.read(state_folder).process(controller.name) == running
    processes.kill((running,))
    LOCAL.install(handle, controller)
    assert state.read(state_folder).process(controller.name) != running
    LOCAL.uninstall(handle, controller)
    assert state.read(state_folder).process(controller.name) is None
    assert "opb-mpi-operator" not in network.namespaces()
    admin = local_cluster.admin(local_cluster.layout_of(state_folder), namespace="default")
    assert admin.list(CUSTOM_RESOURCE_DEFINITION).items == ()
    admin.close()
