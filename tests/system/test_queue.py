"""Kueue before the jobs of a study: each operator without and with it, on the same nodes."""

from __future__ import annotations

import pytest

from include import k8s_operators
from include.embedded import on_demand
from include.embedded.binaries import is_built
from include.k8s_operators import _kueue
from include.models import Status, Study
from include.results import Results
from tests.plans import make_plan
from tests.system.conftest import LOCAL, STUDY_ID
from tests.system.studies import (
    QUICK,
    SIMULATED,
    on_simulated_nodes,
    run_phase,
    skip_unless_nodes_can_be_simulated,
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
# Those whose controllers are built when a study asks for them, and which of them are built.
ON_DEMAND = tuple(
    name
    for name in ("jobset", "trainer_mpi")
    if all(on_demand.built(each) for each in k8s_operators.controllers((name,)))
)


@pytest.fixture(autouse=True)
def _is_built():
    if not is_built():
        pytest.skip("the programs are not built; run `make setup`")
    if not on_demand.built(_kueue.CONTROLLER):
        pytest.skip("Kueue is not built; `make controllers` builds it")


def study_of(operators, **changes):
    return Study(
        operators=operators,
        queue=("none", "kueue"),
        design="interleaved",
        nodes=(2,),
        warmups=0,
        repeats=1,
        point_timeout_s=90,
        **changes,
    )


def require_admissions(records):
    for record in records:
        assert (record.status, record.error) == (Status.VALID, None), record.point_id
        if record.variant == "none":
            assert (record.queue, record.queue_s) == (None, None)
            continue
        assert record.queue == f"Kueue {_kueue.VERSION}"
        assert record.created_at <= record.admitted_at <= record.pods_created_at
        assert record.queue_s + record.create_pods_s >= 0
    assert {record.variant for record in records} == {"none", "kueue"}


def test_jobs_of_every_operator_on_simulated_nodes_are_admitted_and_leave_nothing(tmp_path):
    skip_unless_nodes_can_be_simulated()
    options = {"nodes": 4, "time_scale": 0.02, "start_s": 10}
    operators = ("indexed_job", "mpi_operator", "flux_operator", *ON_DEMAND)
    study = study_of(operators, cluster="simulated", cluster_options=options)
    plan = make_plan(study, study_id=STUDY_ID)
    results = Results(tmp_path / "results")
    with on_simulated_nodes(plan, results) as handle:
        require_admissions(run_phase(plan, results, handle, SIMULATED))


def test_jobs_on_real_nodes_are_admitted_and_their_queue_is_removed(handle, tmp_path):
    study = study_of(("indexed_job", "mpi_operator"), **QUICK)
    plan = make_plan(study, study_id=STUDY_ID)
    require_admissions(run_phase(plan, Results(tmp_path), handle, LOCAL))
    kube = LOCAL.administer(handle)
    assert kube.get(k8s_operators._kueue.WORKLOAD, "any") is None
    kube.close()
