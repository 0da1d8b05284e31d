from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from include import k8s_operators
from include.embedded import processes, simulated_removal, state
from include.embedded.layout import Layout
from include.k8s_operators import LABEL_NODES, LABEL_OPERATOR, LABEL_POINT
from include.kube.kinds import NODE, POD
from include.kube.watch import Change
from include.models import Study
from include.simulation import performance, script, settings
from include.simulation.player import Player
from include.simulation.plays import Plays

STUDY_ID = "demo-1234abcd"
INDEX = "batch.kubernetes.io/job-completion-index"
ROLE = "training.kubeflow.org/job-role"


class Cluster:
    """Notes what the player does to it."""

    def __init__(self):
        self.calls = []
        self.player = None

    def merge(self, kind, name, change, *, subresource=""):
        self.calls.append(("merge", kind, name, subresource))
        if subresource:  # the kubelet of an evicted pod
            self._tell(name, change["status"]["phase"])

    def delete(self, kind, name, **_):
        self.calls.append(("delete", kind, name, ""))
        if kind is POD:
            self._tell(name, "Failed")

    def get(self, _, name):
        return {"metadata": {"name": name, "labels": {}, "annotations": {}, "uid": "x"}}

    def create(self, obj):
        self.calls.append(("create", NODE, obj["metadata"]["name"], ""))
        assert "uid" not in obj["metadata"]

    def _tell(self, name, phase):
        pod = self.player._pods[name]
        self.player.take(Change(kind="Pod", obj={**pod, "status": {"phase": phase}}))


def pods_of(operator, *, nodes=2):
    point = f"{STUDY_ID}-{operator.replace('_', '-')}-2n-r1"
    common = {LABEL_POINT: point, LABEL_OPERATOR: operator, LABEL_NODES: str(nodes)}
    mpi = operator == "mpi_operator"
    own = [{ROLE: "worker"} if mpi else {INDEX: str(index)} for index in range(nodes)]
    own = [*own, {ROLE: "launcher"}] if mpi else own[::-1]
    return [
        {
            "metadata": {"name": f"pod-{place}", "labels": {**common, **labels}},
            "spec": {"nodeName": f"node-{place}"},
            "status": {"phase": "Running"},
        }
        for place, labels in enumerate(own)
    ]


@pytest.fixture(params=["mpi_operator", "flux_operator", "indexed_job"])
def operator(request):
    return request.param


def play(tmp_path, operator, *, fault=None):
    name = operator.replace("_", "-")
    study = Study(
        cluster="simulated",
        cluster_options={
            "time_scale": 0.001,
            "faults": {f"{name}-2n-r1": fault} if fault else {},
        },
        nodes=(2,),
        application_options={"x": 64, "y": 16, "z": 16},
        point_timeout_s=5,
    )
    cluster = Cluster()
    simulation = settings.draw(study_id=STUDY_ID, namespace=STUDY_ID, study=study)
    player = Player(cluster, simulation, Plays(tmp_path))
    cluster.player = player
    before = set(threading.enumerate())
    for pod in pods_of(operator):
        player.take(Change(kind="Pod", obj=pod))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()
    (log,) = tmp_path.glob("*.log")
    return cluster, log.read_text().splitlines()


def ended(cluster):
    return [name for verb, _, name, sub in cluster.calls if verb == "merge" and not sub]


def test_a_run_is_played_to_its_end_and_its_container_ends_after_its_log(tmp_path, operator):
    cluster, log = play(tmp_path, operator)
    assert log[0].partition(" ")[2].startswith("SYNTHETIC")
    assert any("Total wall time" in line for line in log)
    launcher = {"mpi_operator": "pod-2"}.get(operator, "pod-1")
    assert ended(cluster)[-1] == launcher
    assert len(ended(cluster)) == (2 if operator == "flux_operator" else 1)


def assert_lost(operator, log):
    """A host that is gone is told in the words of what launched."""
    texts = [line.partition(" ")[2] for line in log]
    if operator == "flux_operator":
        assert "Flux says 'type=exec node failure on simulated-1 (rank 1)'" in (
            k8s_operators.load(operator).complaint(texts) or ""
        )
        assert texts[-1].startswith("BENCH post 143 ")
        assert not any(script.NOW in text for text in texts)
    else:
        assert "a host is gone" in texts[-1]


def test_an_evicted_pod_ends_the_run_before_its_time(tmp_path, operator):
    cluster, log = play(tmp_path, operator, fault="pod_evicted")
    assert ("merge", POD, "pod-1", "status") in cluster.calls
    assert_lost(operator, log)


def test_a_lost_node_is_replaced_by_another(tmp_path, operator):
    cluster, log = play(tmp_path, operator, fault="node_lost")
    assert ("delete", NODE, "node-1", "") in cluster.calls
    assert cluster.calls.index(("delete", NODE, "node-1", "")) < cluster.calls.index(
        ("create", NODE, "node-1", "")
    )
    assert_lost(operator, log)


def test_a_launcher_waits_for_its_workers_no_longer_than_the_point_lasts(tmp_path):
    study = Study(cluster="simulated", nodes=(2,), point_timeout_s=0.2)
    simulation = settings.draw(study_id=STUDY_ID, namespace=STUDY_ID, study=study)
    player = Player(Cluster(), simulation, Plays(tmp_path))
    *_, launcher = pods_of("mpi_operator")
    play = player.plays.begin("pod-2")
    adapter = k8s_operators.load("mpi_operator")
    performance.Performance(player, pod=launcher, operator=adapter, play=play).perform()
    assert play.ended.is_set()
    assert player.kube.calls == []


def test_removal_ends_the_processes_that_the_state_names(tmp_path):
    sleeper = processes.start("sleeper", ("sleep", "60"), log_file=tmp_path / "log" / "x")
    now = datetime.now(UTC)
    known = state.ClusterState(
        study_id=STUDY_ID,
        namespace=STUDY_ID,
        nodes=1,
        api_address="127.0.0.1",
        started_at=now,
        expires_at=now,
        processes=(sleeper,),
    )
    state.write(Layout(root=tmp_path, api_address="127.0.0.1"), known)
    removed = simulated_removal.remove(tmp_path)
    assert f"process sleeper (pid {sleeper.pid})" in removed
    assert not processes.is_alive(sleeper)
    assert simulated_removal.leftovers(tmp_path) == ()
