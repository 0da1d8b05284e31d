"""A study that installs an operator on a real cluster of somebody else's, and is cut off."""

from __future__ import annotations

import shutil

import pytest

from include import clusters, k8s_operators
from include.clusters import _controllers, existing
from include.embedded import binaries, credentials, local_cluster
from include.errors import ClusterError, TeardownError
from include.kube import installation
from include.kube.kinds import ResourceKind
from include.models import Study

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

EXISTING = clusters.load("existing")
MPI = k8s_operators.load("mpi_operator")
CLUSTER_ROLE = ResourceKind(
    group="rbac.authorization.k8s.io",
    version="v1",
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
)
CONTAINER = {"name": "a", "image": "x"}
REPLICA = {"replicas": 1, "template": {"spec": {"containers": [CONTAINER]}}}
THEIR_JOB = {
    "apiVersion": MPI.resource.api_version,
    "kind": MPI.resource.kind,
    "metadata": {"name": "training", "namespace": "default"},
    "spec": {"mpiReplicaSpecs": {"Launcher": REPLICA, "Worker": REPLICA}},
}


@pytest.fixture
def host(handle, state_folder):
    """Somebody's cluster: the administrator's kubeconfig."""
    return local_cluster.layout_of(state_folder).kubeconfig(credentials.ADMIN)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The upstream manifest as a download would keep it; the pinned module has the same bytes."""
    manifest = binaries.module_file(MPI.controller.go_module, MPI.controller.deployment_file)
    kept = tmp_path / "manifests" / f"{MPI.controller.manifest_sha256}.yaml"
    kept.parent.mkdir()
    shutil.copyfile(manifest, kept)
    for module in (existing, _controllers):
        monkeypatch.setattr(module, "cache_dir", lambda: tmp_path)


@pytest.mark.usefixtures("cache")
def test_operator_of_a_study_that_was_cut_off_is_removed_when_nobody_else_uses_it(
    host, monkeypatch
):
    study = Study(cluster="existing", image="x", cluster_options={"kubeconfig": str(host)})
    mine = EXISTING.reserve(study, study_id="guest-2")
    kube = EXISTING.connect(mine)
    roles = {each["metadata"]["name"] for each in kube.list(CLUSTER_ROLE).items}
    EXISTING.create(mine, study)
    monkeypatch.setattr(installation, "AVAILABLE_S", 2.0)  # nothing can pull its image
    with pytest.raises(ClusterError, match="mpi-operator is not available"):
        EXISTING.install(mine, MPI.controller)

    theirs = kube.in_namespace("default")
    theirs.create(THEIR_JOB)
    with pytest.raises(TeardownError, match="others use it: MPIJob default/training"):
        EXISTING.delete(mine)
    assert theirs.get(MPI.resource, "training") is not None
    assert EXISTING.leftovers(mine) == (
        "namespace/mpi-operator",
        "definition/mpijobs.kubeflow.org",
    )

    theirs.delete(MPI.resource, "training")
    EXISTING.delete(mine)
    assert EXISTING.leftovers(mine) == ()
    assert {each["metadata"]["name"] for each in kube.list(CLUSTER_ROLE).items} == roles
