"""Controllers inside a cluster: the local cluster's nodes, used as somebody's cluster.

Upstream's manifests, with their service accounts, rights and probes, are applied as on EKS.
"""

from __future__ import annotations

import os

import pytest

from include import clusters, k8s_operators
from include.embedded import access, credentials, local_cluster
from include.embedded.binaries import binary, module_file
from include.errors import StudyError
from include.kube import installation
from include.kube.client import Kube
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, ResourceKind
from include.models import Status, Study
from include.project import cache_dir
from include.results import Results
from include.study import run_point as point_run
from include.study import steps
from tests.plans import make_plan
from tests.system import in_cluster
from tests.system.flux_at_hand import flux_at_hand

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]
EXISTING = clusters.load("existing")
STUDY_ID = f"inside-{os.getpid()}"
MPI_IMAGE = ("mpioperator/mpi-operator", "/opt/mpi-operator")
FLUX_IMAGE = ("flux-framework/flux-operator", "/manager")
ROLE = ResourceKind(
    group=access.API_GROUP,
    version="v1",
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
)


@pytest.fixture(
    params=[("mpi_operator",), ("flux_operator",), ("mpi_operator", "flux_operator")],
    ids=" and ".join,
)
def arms(request):
    """Operators, their controllers' images by repository, and the view of Flux, if it is asked."""
    images, view = {}, None
    if "mpi_operator" in request.param:
        images |= mpi_image()
    if "flux_operator" in request.param:
        program, view = flux_at_hand()
        repository, at = FLUX_IMAGE
        images[repository] = in_cluster.Image(program, at=at)
    return request.param, images, view


def mpi_image():
    """The MPI Operator's image, with its manifest put into the cache."""
    repository, at = MPI_IMAGE
    controller = k8s_operators.load("mpi_operator").controller
    manifest = module_file(controller.go_module, controller.deployment_file)
    installation.keep_manifest(controller, manifest, cache=cache_dir())
    return {repository: in_cluster.Image(binary("mpi-operator"), at=at)}


@pytest.fixture
def cluster(no_cluster, one_cluster, state_folder, arms):
    """Nodes with a registry and the API server's Service, for these arms alone."""
    _, images, view = arms
    one_cluster.with_view(view)
    try:
        handle = one_cluster.running()
    except StudyError as err:
        pytest.skip(str(err))
    layout = local_cluster.layout_of(state_folder)
    with (
        in_cluster.registry(images, layout=layout, node_count=handle.nodes),
        in_cluster.api_service(),
    ):
        yield handle, layout
    one_cluster.end()


def study_of(names, handle, layout, view):
    options = {"flux_operator": {"view_image": view.reference}} if view else {}
    return Study(
        cluster="existing",
        cluster_options={"kubeconfig": str(layout.kubeconfig(credentials.ADMIN))},
        image=handle.image,
        operators=names,
        design="interleaved",
        operator_options=options,
        nodes=(2,),
        warmups=0,
        repeats=1,
        point_timeout_s=150,
    )


def test_a_study_installs_its_controllers_runs_and_leaves_nothing(arms, cluster, tmp_path):
    names, _, view = arms
    study = study_of(names, *cluster, view)
    plan = make_plan(study, study_id=STUDY_ID)
    results = Results(tmp_path)
    results.write_json("plan.json", plan.to_json())
    reservation = EXISTING.reserve(study, study_id=STUDY_ID)
    EXISTING.preflight(reservation)
    EXISTING.create(reservation, study)
    handle = EXISTING.wait_ready(reservation, study)
    (phase,) = plan.phases
    assert phase.operators == names
    kube = EXISTING.connect(handle)
    try:
        steps.install_phase(results, handle, phase)
        setting = point_run.Setting(study=study, handle=handle, kube=kube, results=results)
        for point in plan.points:
            record = point_run.run_point(point, setting)
            assert (record.status, record.error) == (Status.VALID, None)
            assert sorted(record.node_names) == ["node-1", "node-2"]
    finally:
        steps.uninstall_phase(results, handle, phase)
        EXISTING.delete(reservation)
    assert EXISTING.leftovers(reservation) == ()
    for name in names:
        assert_uninstalled(kube, k8s_operators.load(name).controller, cluster[1])


def assert_uninstalled(kube, controller, layout):
    assert kube.get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name) is None
    assert kube.get(ROLE, controller.cluster_role) is None
    assert kube.get(NAMESPACE, controller.namespace) is None
    owner = Kube.from_kubeconfig(
        layout.kubeconfig(credentials.ADMIN), namespace=controller.namespace
    )
    assert owner.list(POD).items == ()
