"""Where the real scheduler puts pods on simulated nodes, in a swap as in run 6 and interleaved."""

from __future__ import annotations

import queue
from itertools import groupby

import pytest

from include.embedded.local_cluster import admin
from include.embedded.paths import simulated_root
from include.k8s_operators import LABEL_OPERATOR, LABEL_STUDY
from include.k8s_operators.mpi_operator import ROLE_LABEL
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, POD
from include.kube.watch import Watcher
from include.models import Status, Study
from include.results import Results
from include.simulation import settings
from include.simulation.gates import GATE
from include.simulation.nodes import LAUNCHER, worker_names
from include.study import run_point as point_run
from include.study import steps
from tests.plans import make_plan
from tests.system.conftest import STUDY_ID
from tests.system.studies import SIMULATED, on_simulated_nodes, skip_unless_nodes_can_be_simulated

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
WORKERS = 6


def study_of(**changes):
    return Study.model_validate(
        {
            "cluster": "simulated",
            "cluster_options": {
                "nodes": WORKERS,
                "time_scale": 0.02,
                "schedule_s": 10,
                "start_s": 10,
                "run_s": 10,
            },
            "operators": ("mpi_operator", "flux_operator"),
            "ranks_per_node": 94,
            "warmups": 0,
            "application_options": {"x": 64, "y": 16, "z": 16},
            "pod_resources": {"cpu": "94", "memory": "340G", "vpc.amazonaws.com/efa": "1"},
            "point_timeout_s": 40,
            **changes,
        }
    )


class Placed:
    """Every pod of the study that was ever told of: its operator, its role and its node."""

    def __init__(self):
        self.changes = queue.SimpleQueue()
        self.nodes = {}
        self.gated = set()

    def take_all(self):
        while not self.changes.empty():
            pod = self.changes.get().obj
            labels = pod["metadata"]["labels"]
            key = (labels[LABEL_OPERATOR], labels.get(ROLE_LABEL, "worker"), pod["metadata"]["uid"])
            if {"name": GATE} in pod["spec"].get("schedulingGates", []):
                self.gated.add(key)
            if node := pod["spec"].get("nodeName"):
                self.nodes[key] = node

    def of(self, operator, role):
        return {node for (o, r, _), node in self.nodes.items() if (o, r) == (operator, role)}


def run_all(study, tmp_path, between_phases=lambda kube: None):
    """Records of all points and where their pods ran; nothing is left of the cluster."""
    plan = make_plan(study, study_id=STUDY_ID)
    results = Results(tmp_path)
    placed, records = Placed(), []
    with on_simulated_nodes(plan, results) as handle:
        kube = SIMULATED.connect(handle)
        layout = settings.read(simulated_root()).layout(simulated_root())
        owner = admin(layout, namespace=handle.namespace)  # the pipeline sees no definitions
        watcher = Watcher(kube, POD, selector=LABEL_STUDY, changes=placed.changes)
        watcher.start()
        setting = point_run.Setting(study=study, handle=handle, kube=kube, results=results)
        try:
            for phase in plan.phases:
                steps.install_phase(results, handle, phase)
                records += [point_run.run_point(point, setting) for point in phase.points]
                steps.uninstall_phase(results, handle, phase)
                between_phases(owner)
        finally:
            watcher.stop()
            kube.close()
            owner.close()
    placed.take_all()
    assert {record.status for record in records} == {Status.VALID}, [r.error for r in records]
    assert {record.time_scale for record in records} == {0.02}
    return records, placed


@pytest.fixture
def simulated():
    skip_unless_nodes_can_be_simulated()


def assert_each_where_it_belongs(placed):
    workers = set(worker_names(WORKERS))
    assert placed.of("mpi_operator", "launcher") == {LAUNCHER}
    for operator in ("mpi_operator", "flux_operator"):
        assert placed.of(operator, "worker")
        assert placed.of(operator, "worker") <= workers
    assert placed.of("flux_operator", "launcher") == set()  # a broker carries ranks: a worker's pod
    assert placed.gated == set(placed.nodes)  # `schedule_s` delays every pod


def test_swap_keeps_launchers_and_workers_apart_in_both_phases(simulated, tmp_path):
    def nothing_is_left(kube):
        assert kube.list(POD).items == ()
        left.append(len(kube.list(CUSTOM_RESOURCE_DEFINITION).items))

    left = []
    study = study_of(nodes=(2, WORKERS), repeats=1)
    records, placed = run_all(study, tmp_path, nothing_is_left)
    assert_each_where_it_belongs(placed)
    assert [r.k8s_operator for r in records] == ["mpi_operator"] * 2 + ["flux_operator"] * 2
    assert [len(set(r.node_names)) for r in records] == [2, WORKERS] * 2
    assert left[0] == left[1]  # each operator took its definitions with it


def test_interleaved_operators_of_a_block_run_on_the_same_nodes(simulated, tmp_path):
    study = study_of(nodes=(2,), repeats=3, design="interleaved")
    records, placed = run_all(study, tmp_path)
    assert_each_where_it_belongs(placed)
    blocks = [list(block) for _, block in groupby(records, key=lambda record: record.block)]
    assert len(blocks) == 3
    for one, other in blocks:
        assert {one.k8s_operator, other.k8s_operator} == {"mpi_operator", "flux_operator"}
        assert set(one.node_names) == set(other.node_names)
    assert len({frozenset(one.node_names) for one, _ in blocks}) > 1  # drawn anew for each block
