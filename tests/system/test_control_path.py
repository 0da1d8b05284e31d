"""The control-path study at its smallest: real controllers, eight simulated nodes, one job each."""

from __future__ import annotations

import os

import pytest

from include import k8s_operators
from include.control_path import lab, versions
from include.control_path.arms import arms
from include.control_path.rows import REQUESTS, RequestCount, read
from include.control_path.study import Matrix, Store, measure
from include.embedded import on_demand, programs
from include.embedded.binaries import binary
from include.embedded.paths import simulated_root
from include.models import Status
from tests.system.studies import skip_unless_nodes_can_be_simulated

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
NODES = 8
STEPS = (
    *("pods_created_s", "pods_scheduled_s", "pods_running_s", "released_s"),
    *("terminal_s", "delete_s", "gone_s"),
)


@pytest.fixture(autouse=True)
def _has_what_it_takes():
    skip_unless_nodes_can_be_simulated()


def one_of_each(*wanted, nodes=NODES, **changes):
    """One job under each arm."""
    return Matrix(
        arms=wanted, nodes=(nodes,), repeats=1, cell_limit_s=60.0, job_limit_s=60.0, **changes
    )


def test_small_study_loses_no_pod_counts_requests_and_leaves_nothing(tmp_path):
    names = ("indexed_job", "flux_operator", "mpi_operator-fast")
    matrix = one_of_each(*(arms()[name] for name in names))
    measured = [arm.name for arm in matrix.arms if lab.has_program(arm, matrix.options())]
    assert {"mpi_operator-fast", "indexed_job"} <= set(measured)
    store = Store(tmp_path)
    assert measure(matrix, store) == 0
    assert [run.arm for run in store.runs] == measured
    for run in store.runs:
        has_launcher = run.k8s_operator == "mpi_operator"
        assert (run.status, run.pods, run.pods_lost) == (Status.VALID, NODES + has_launcher, 0)
        instants = [getattr(run, step) for step in STEPS]
        assert instants == sorted(instants), run
        assert run.requests_scheduler >= NODES
        assert run.requests_controller_manager >= NODES
        assert 0 <= run.cores_elsewhere < os.cpu_count()
        if run.client_qps is not None:
            assert run.requests_operator >= NODES
            assert run.peak_operator_mib > 1
    counted = read(tmp_path / REQUESTS, RequestCount)
    bindings = [row.count for row in counted if row.resource == "pods/binding"]
    assert bindings == [run.pods for run in store.runs]
    assert not simulated_root().exists() or not list(simulated_root().iterdir())
    assert measure(matrix, store) == 0  # nothing is missing: no cluster is started again


@pytest.mark.timeout(600)  # each arm installs Kueue anew
def test_jobs_before_kueue_are_admitted_alone_and_many_at_once(tmp_path):
    names = (
        *("indexed_job-kueue", "indexed_job-kueue-fast"),
        *("trainer_mpi-kueue", "mpi_operator-fast-kueue"),
    )
    queued = [arms()[name] for name in names]
    built = [arm for arm in queued if all(map(programs.find, arm.controllers))]
    if not built:
        pytest.skip("Kueue is not built; `make controllers` builds it")
    matrix = one_of_each(*built, many=(3,), nodes_per_job=2)
    store = Store(tmp_path)
    assert measure(matrix, store) == 0, (store.runs, store.batches)
    assert [run.arm for run in store.runs] == [arm.name for arm in built if arm.is_single]
    for run in store.runs:
        has_launcher = k8s_operators.load(run.k8s_operator).has_launcher_pod
        assert (run.status, run.pods, run.pods_lost) == (Status.VALID, NODES + has_launcher, 0)
        assert 0 < run.admitted_s < run.pods_created_s, run
        assert run.operator_version.endswith("with kueue v0.17.0")
        assert run.requests_operator > 0
    assert {batch.status for batch in store.batches} == {Status.VALID}
    assert [batch.arm for batch in store.batches] == [arm.name for arm in built]
    assert {batch.kueue_qps for batch in store.batches} <= {50, 200}
    assert not simulated_root().exists() or not list(simulated_root().iterdir())


def test_gangs_run_alone_and_many_at_once_and_leave_nothing(tmp_path):
    names = ("jobset", "trainer_mpi")
    if not all(on_demand.built(each) for each in k8s_operators.controllers(names)):
        pytest.skip("their controllers are not built; `make controllers` builds them")
    wanted = [arms()[name] for name in (*names, "indexed_job")]
    matrix = one_of_each(*wanted, nodes=4, many=(3,), nodes_per_job=2)
    store = Store(tmp_path)
    assert measure(matrix, store) == 0, (store.runs, store.batches)
    for run in store.runs:
        assert (run.status, run.pods_lost) == (Status.VALID, 0), run
        assert run.pods == 4 + (run.k8s_operator in names)
    for batch in store.batches:
        assert batch.status is Status.VALID, batch
        assert 0 < batch.last_start_s < batch.makespan_s
    of_trainer = next(run for run in store.runs if run.arm == "trainer_mpi")
    assert "with jobset-manager v0.11.1" in of_trainer.operator_version
    assert not simulated_root().exists() or not list(simulated_root().iterdir())


def test_two_builds_take_turns_and_too_few_jobs_tell_nothing(tmp_path, capsys):
    words = ["--operator", "mpi_operator", "--head", str(binary("mpi-operator"))]
    words += ["--nodes", "2", "--repeats", "1", "--out", str(tmp_path)]
    assert versions.main(words) == 2
    assert "undecided" in capsys.readouterr().out
    runs = Store(tmp_path).runs
    assert {run.arm for run in runs} == {"base", "head"}
    assert {run.status for run in runs} == {Status.VALID}
    assert len({run.operator_version for run in runs}) == 2  # the release, and a file's digest
