"""Points on simulated nodes: the real controllers, and what becomes of each fault on demand."""

from __future__ import annotations

import dataclasses
import re

import pytest

from include.embedded import processes
from include.embedded import state as embedded_state
from include.embedded.paths import simulated_root
from include.kube.kinds import POD
from include.models import Status, Study
from include.results import Results
from include.study import run_point as point_run
from include.study import steps
from tests.plans import make_plan
from tests.system.conftest import STUDY_ID
from tests.system.studies import SIMULATED, on_simulated_nodes, skip_unless_nodes_can_be_simulated

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

OPERATORS = ("mpi_operator", "flux_operator", "indexed_job")
FAULTS = (  # by repeat, from 2 on; the first is good
    ("launcher_fails", Status.FAILED),
    ("worker_never_ready", Status.FAILED),
    ("image_pull_error", Status.FAILED),
    ("truncated_log", Status.INVALID),
    ("pod_evicted", Status.FAILED),
    ("node_lost", Status.FAILED),
)


STUDY = Study(
    cluster="simulated",
    cluster_options={
        "nodes": 4,
        "time_scale": 0.02,
        "start_s": 10,
        "faults": {
            f"{operator.replace('_', '-')}-2n-r{place}": fault
            for operator in OPERATORS
            for place, (fault, _) in enumerate(FAULTS, start=2)
        },
    },
    operators=OPERATORS,
    nodes=(2,),
    ranks_per_node=94,
    repeats=len(FAULTS) + 1,
    warmups=0,
    application_options={"x": 64, "y": 16, "z": 16},
    pod_resources={"cpu": "94", "memory": "340G", "vpc.amazonaws.com/efa": "1"},
    point_timeout_s=20,  # many times what a good point takes, as the machine may be busy
)


def patient(setting, **changes):
    """The setting with a limit that no job comes near that ends by itself."""
    study = setting.study.model_copy(update={"point_timeout_s": 90.0})
    return dataclasses.replace(setting, study=study, **changes)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One cluster for the phases of all operators: the plan, the handle and the results."""
    skip_unless_nodes_can_be_simulated()
    plan = make_plan(STUDY, study_id=STUDY_ID)
    results = Results(tmp_path_factory.mktemp("results"))
    with on_simulated_nodes(plan, results) as handle:
        yield plan, handle, results


@pytest.fixture(scope="module", params=range(len(OPERATORS)), ids=OPERATORS)
def running(request, cluster):
    """The points of an operator's phase, with its controller or the stand-in."""
    plan, handle, results = cluster
    phase = plan.phases[request.param]
    steps.install_phase(results, handle, phase)
    kube = SIMULATED.connect(handle)
    yield phase.points, point_run.Setting(study=STUDY, handle=handle, kube=kube, results=results)
    steps.uninstall_phase(results, handle, phase)
    kube.close()


def test_a_good_point_is_valid_and_says_that_it_is_simulated(running):
    points, setting = running
    record = point_run.run_point(points[0], patient(setting))
    assert record.error is None
    assert record.status is Status.VALID
    assert record.simulated
    if record.k8s_operator == "flux_operator":  # never silent: the stand-in, or which build ran
        assert re.match(r"stand-in for |.*binary sha256:|v1alpha2 \(", record.operator_version)
    assert all(name.startswith("simulated-worker") for name in record.node_names)
    log = setting.results.read_text(f"points/{record.point_id}/job.log")
    assert log.splitlines()[0].partition(" ")[2].startswith("SYNTHETIC")
    assert "SYNTHETIC-SECRET" not in log


@pytest.mark.parametrize("place", range(len(FAULTS)), ids=[fault for fault, _ in FAULTS])
def test_a_fault_on_demand_never_gives_a_valid_point_and_leaves_nothing(running, place):
    points, setting = running
    fault, status = FAULTS[place]
    if status is Status.INVALID:
        setting = patient(setting)
    record = point_run.run_point(points[place + 1], setting)
    assert record.status is status, (fault, record.error)
    assert record.figures.get("loop_time_s") is None
    assert record.deleted_at is not None
    assert setting.kube.list(POD).items == ()


def test_a_cluster_that_ended_with_its_container_goes_on_where_it_was(running):
    points, setting = running
    state = embedded_state.read(simulated_root())
    processes.kill(state.processes)
    kube = SIMULATED.connect(setting.handle)
    again = points[0].model_copy(update={"point_id": f"{points[0].point_id}-again"})
    record = point_run.run_point(again, patient(setting, kube=kube))
    kube.close()
    assert record.error is None
    assert record.status is Status.VALID
    assert embedded_state.read(simulated_root()).dead() == ()
