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
from include.models import Phase, Status, Study
from include.project import cache_dir
from include.results import Results
from include.study import run_point as point_run
from include.study import steps
from include.study.plan import make_plan
from tests.system import in_cluster
from tests.system.flux_at_hand import flux_at_hand

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]
EXISTING = clusters.load("existing")
STUDY_ID = f"inside-{os.getpid()}"
IMAGES = {"mpi_operator": ("mpioperator/mpi-operator", "/opt/mpi-operator")}
FLUX_IMAGE = ("flux-framework/flux-operator", "/manager")
ROLE = ResourceKind(
    group=access.API_GROUP,
    version="v1",
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
)


@pytest.fixture(params=["mpi_operator", "flux_operator"])
def arm(request):
    """Operator, its image as (repository, Image), and its options."""
    if request.param == "flux_operator":
        program, view = flux_at_hand()
        repository, at = FLUX_IMAGE
        return request.param, {repository: in_cluster.Image(program, at=at)}, view
    repository, at = IMAGES[request.param]
    image = in_cluster.Image(binary("mpi-operator"), at=at)
    controller = k8s_operators.load(request.param).controller
    manifest = module_file(controller.go_module, controller.deployment_file)
    installation.keep_manifest(controller, manifest, cache=cache_dir())
    return request.param, {repository: image}, None


@pytest.fixture
def cluster(no_cluster, one_cluster, state_folder, arm):
    """Nodes with a registry and the API server's Service, for this arm alone."""
    _, images, view = arm
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


def study_of(name, handle, layout, view):
    options = {name: {"view_image": view.reference}} if view else {}
    return Study(
        cluster="existing",
        cluster_options={"kubeconfig": str(layout.kubeconfig(credentials.ADMIN))},
        image=handle.image,
        operators=(name,),
        operator_options=options,
        nodes=(2,),
        warmups=0,
        repeats=1,
        point_timeout_s=150,
    )


def test_a_study_installs_the_controller_runs_and_leaves_nothing(arm, cluster, tmp_path):
    name, _, view = arm
    study = study_of(name, *cluster, view)
    plan = make_plan(study, study_id=STUDY_ID)
    results = Results(tmp_path)
    results.write_json("plan.json", plan.to_json())
    reservation = EXISTING.reserve(study, study_id=STUDY_ID)
    EXISTING.preflight(reservation)
    EXISTING.create(reservation, study)
    handle = EXISTING.wait_ready(reservation, study)
    phase = Phase(phase=1, operators=(name,), points=plan.points)
    kube = EXISTING.connect(handle)
    try:
        steps.install_phase(results, handle, phase)
        setting = point_run.Setting(study=study, handle=handle, kube=kube, results=results)
        record = point_run.run_point(plan.points[0], setting)
        assert (record.status, record.error) == (Status.VALID, None)
        assert sorted(record.node_names) == ["node-1", "node-2"]
    finally:
        steps.uninstall_phase(results, handle, phase)
        EXISTING.delete(reservation)
    controller = k8s_operators.load(name).controller
    assert EXISTING.leftovers(reservation) == ()
    assert kube.get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name) is None
    assert kube.get(ROLE, controller.cluster_role) is None
    assert kube.get(NAMESPACE, controller.namespace) is None
    owner = Kube.from_kubeconfig(
        cluster[1].kubeconfig(credentials.ADMIN), namespace=controller.namespace
    )
    assert owner.list(POD).items == ()
