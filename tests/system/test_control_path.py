"""The control-path study at its smallest: real controllers, eight simulated nodes, one job each."""

from __future__ import annotations

import socket

import pytest

from include.control_path import lab
from include.control_path.arms import arms
from include.control_path.rows import REQUESTS, RequestCount, read
from include.control_path.study import Matrix, Store, measure
from include.embedded.binaries import is_built
from include.embedded.paths import simulated_root
from include.models import Status

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
NODES = 8
STEPS = (
    *("pods_created_s", "pods_scheduled_s", "pods_running_s", "released_s"),
    *("terminal_s", "delete_s", "gone_s"),
)


def test_small_study_loses_no_pod_counts_requests_and_leaves_nothing(tmp_path):
    if not is_built():
        pytest.skip("the programs are not built; run `make setup`")
    with socket.socket() as probing:
        if probing.connect_ex(("127.0.0.1", 8080)) == 0:
            pytest.skip("port 8080, on which the MPI Operator insists, is in use")
    matrix = Matrix(
        arms=tuple(arms()[name] for name in ("indexed_job", "flux_operator", "mpi_operator-fast")),
        nodes=(NODES,),
        repeats=1,
        cell_limit_s=60.0,
        job_limit_s=60.0,
    )
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
        if run.client_qps is not None:
            assert run.requests_operator >= NODES
            assert run.peak_operator_mib > 1
    counted = read(tmp_path / REQUESTS, RequestCount)
    bindings = [row.count for row in counted if row.resource == "pods/binding"]
    assert bindings == [run.pods for run in store.runs]
    assert not simulated_root().exists() or not list(simulated_root().iterdir())
    assert measure(matrix, store) == 0  # nothing is missing: no cluster is started again
