"""Two builds of the MPI Operator as arms of one study: each point runs under its own."""

from __future__ import annotations

import shutil

import pytest

from include.embedded.binaries import binary, is_built
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

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
BUILDS = ("head", "release")


@pytest.fixture
def head(tmp_path):
    """The pinned program as another build: a byte behind its end changes its digest alone."""
    if not is_built():
        pytest.skip("the programs are not built; run `make setup`")
    path = tmp_path / "mpi-operator"
    shutil.copyfile(binary("mpi-operator"), path)
    with path.open("ab") as file:
        file.write(b"\0")
    path.chmod(0o755)
    return path


def study_of(head, **changes):
    controller = {"release": "pinned", "head": str(head)}
    return Study(
        operators=("mpi_operator", "indexed_job"),
        operator_options={"mpi_operator": {"controller": controller}},
        design="interleaved",
        placement="free",
        nodes=(2,),
        warmups=0,
        repeats=2,
        point_timeout_s=90,
        **changes,
    )


def require_own_builds(records):
    for record in records:
        assert (record.status, record.error) == (Status.VALID, None)
    versions = {
        build: {record.operator_version for record in records if record.variant == build}
        for build in BUILDS
    }
    assert versions["release"] == {"v0.8.2"}
    (told,) = versions["head"]
    assert "binary sha256:" in told
    assert len(records) == 6


def test_each_point_on_simulated_nodes_runs_under_its_own_build(head, tmp_path):
    skip_unless_nodes_can_be_simulated()
    options = {"nodes": 4, "time_scale": 0.02}
    study = study_of(head, cluster="simulated", cluster_options=options)
    plan = make_plan(study, study_id=STUDY_ID)
    results = Results(tmp_path / "results")
    with on_simulated_nodes(plan, results) as handle:
        require_own_builds(run_phase(plan, results, handle, SIMULATED))


def test_each_point_on_real_nodes_runs_under_its_own_build(head, tmp_path, handle):
    plan = make_plan(study_of(head, **QUICK), study_id=STUDY_ID)
    require_own_builds(run_phase(plan, Results(tmp_path / "results"), handle, LOCAL))
