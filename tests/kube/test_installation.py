from __future__ import annotations

import copy
import dataclasses
import hashlib
from urllib.error import URLError

import pytest
import yaml

from include import k8s_operators
from include.checks import Outcome
from include.errors import ClusterError, TeardownError
from include.kube import controller_versions, installation
from include.models import Placement

pytestmark = pytest.mark.sockets
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRD = f"{CRDS}/mpijobs.kubeflow.org"
DEPLOYMENT = "/apis/apps/v1/namespaces/mpi-operator/deployments/mpi-operator"
SYNTHETIC_MANIFEST = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mpi-operator"}},
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "mpijobs.kubeflow.org"},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mpi-operator", "namespace": "mpi-operator"},
        "spec": {"template": {"spec": {"containers": [{"image": "mpi-operator:0.8.2"}]}}},
        "status": {"availableReplicas": 1},
    },
]


@pytest.fixture
def cache(tmp_path):
    return tmp_path


@pytest.fixture
def controller(cache):
    data = yaml.safe_dump_all(SYNTHETIC_MANIFEST).encode()
    digest = hashlib.sha256(data).hexdigest()
    (cache / "manifests").mkdir()
    (cache / "manifests" / f"{digest}.yaml").write_bytes(data)
    real = k8s_operators.load("mpi_operator").controller
    return dataclasses.replace(real, manifest_sha256=digest)


def test_installed_controller_carries_the_study_and_gives_its_version(server, controller, cache):
    state, kube = server
    version = installation.install(kube, controller, study_id="s1", cache=cache)
    assert version == "v0.8.2"
    assert state.objects[CRD]["metadata"]["labels"] == {installation.OWNER_LABEL: "s1"}


def test_an_operator_without_a_pod_or_without_its_deployment_is_dead(server, controller, cache):
    state, kube = server
    installation.install(kube, controller, study_id="s1", cache=cache)
    installation.require_running(kube, controller, study_id="s1")
    state.objects[DEPLOYMENT]["status"] = {}
    with pytest.raises(ClusterError, match="mpi-operator is dead: no pod of its Deployment"):
        installation.require_running(kube, controller, study_id="s1")
    state.remove(DEPLOYMENT)
    with pytest.raises(ClusterError, match="somebody deleted its Deployment mpi-operator/mpi-op"):
        installation.require_running(kube, controller, study_id="s1")
    installation.require_running(kube, controller, study_id="s2")  # installed by somebody, somehow


def test_flux_operator_is_found_under_its_deployments_own_name_and_its_image_is_told(server, cache):
    state, kube = server
    image = "ghcr.io/flux-framework/flux-operator:latest"
    renamed = {"Namespace": "operator-system", "Deployment": "operator-controller-manager"}
    made = copy.deepcopy(SYNTHETIC_MANIFEST)
    for obj in made:
        obj["metadata"]["name"] = renamed.get(obj["kind"], "miniclusters.flux-framework.org")
    made[2]["metadata"]["namespace"] = "operator-system"
    made[2]["spec"]["template"]["spec"]["containers"][0]["image"] = image
    data = yaml.safe_dump_all(made).encode()
    flux = dataclasses.replace(
        k8s_operators.load("flux_operator").controller,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
    )
    (cache / "manifests").mkdir()
    (cache / "manifests" / f"{flux.manifest_sha256}.yaml").write_bytes(data)
    version = installation.install(kube, flux, study_id="s1", cache=cache)
    assert version == f"v1alpha2 (0d75cef855de), image {image}"
    installation.uninstall(kube, flux, study_id="s1", cache=cache)
    assert state.objects == {}


def test_controller_runs_where_it_is_told_to(server, controller, cache):
    state, kube = server
    toleration = {"key": "launcher", "operator": "Exists"}
    place = Placement(node_selector={"role": "launcher"}, tolerations=(toleration,))
    installation.install(kube, controller, study_id="s1", cache=cache, place=place)
    pod = state.objects[DEPLOYMENT]["spec"]["template"]["spec"]
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"role": "launcher"}, [toleration])


@pytest.fixture
def next_version(cache, controller):
    """Another manifest, whose Deployment has another image; nobody here would take its lead."""
    made = copy.deepcopy(SYNTHETIC_MANIFEST)
    made[2]["spec"]["template"]["spec"]["containers"][0]["image"] = "mpi-operator:0.9.0"
    data = yaml.safe_dump_all(made).encode()
    digest = hashlib.sha256(data).hexdigest()
    (cache / "manifests" / f"{digest}.yaml").write_bytes(data)
    named = controller_versions.of(controller, f"https://files.test/x.yaml#sha256={digest}")
    return dataclasses.replace(named, elects_leader=False)


def test_another_version_takes_the_place_of_the_studys_own(server, controller, next_version, cache):
    state, kube = server
    installation.install(kube, controller, study_id="s1", cache=cache)
    assert installation.exchange(kube, next_version, study_id="s1", cache=cache) == "v0.9.0"
    installation.uninstall(kube, controller, study_id="s1", cache=cache)
    assert state.objects == {}


def test_a_version_of_somebody_elses_controller_cannot_be_chosen(
    server, controller, next_version, cache
):
    _, kube = server
    installation.install(kube, controller, study_id="s1", cache=cache)
    for choose in (installation.install, installation.exchange):
        with pytest.raises(ClusterError, match="mpi-operator is installed on the cluster by some"):
            choose(kube, next_version, study_id="s2", cache=cache)


def test_uninstall_leaves_nothing_of_the_study(server, controller, cache):
    state, kube = server
    installation.install(kube, controller, study_id="s1", cache=cache)
    installation.uninstall(kube, controller, study_id="s1", cache=cache)
    assert state.objects == {}


def test_controller_of_somebody_else_is_used_and_left(server, controller, cache):
    state, kube = server
    theirs = {
        **SYNTHETIC_MANIFEST[2],
        "spec": {"template": {"spec": {"containers": [{"image": "r/mpi-operator:v0.7.0"}]}}},
    }
    state.put(CRD, {"metadata": {"name": "mpijobs.kubeflow.org"}})
    state.put(DEPLOYMENT, theirs)
    assert installation.install(kube, controller, study_id="s1", cache=cache) == "v0.7.0"
    installation.uninstall(kube, controller, study_id="s1", cache=cache)
    assert set(state.objects) == {CRD, DEPLOYMENT}


def test_controller_that_never_answers_is_told(server, controller, cache, monkeypatch):
    monkeypatch.setattr(installation, "AVAILABLE_S", 0.0)
    state, kube = server
    state.put(CRD, {"metadata": {"name": "mpijobs.kubeflow.org"}})
    with pytest.raises(ClusterError, match="no such Deployment"):
        installation.install(kube, controller, study_id="s1", cache=cache)


def test_objects_that_stay_are_a_teardown_error(server, controller, cache, monkeypatch):
    monkeypatch.setattr(installation, "GONE_S", 0.0)
    state, kube = server
    installation.install(kube, controller, study_id="s1", cache=cache)
    state.held_deletions = {"mpijobs.kubeflow.org"}
    with pytest.raises(TeardownError, match="CustomResourceDefinition/mpijobs.kubeflow.org"):
        installation.uninstall(kube, controller, study_id="s1", cache=cache)


def test_changed_manifest_is_refused(controller, cache):
    path = cache / "manifests" / f"{controller.manifest_sha256}.yaml"
    path.write_text("kind: Evil")
    with pytest.raises(ClusterError, match="is not the manifest of mpi-operator v0.8.2"):
        installation.manifest(controller, cache=cache)


def test_manifest_that_cannot_be_had_is_told(controller, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(installation.urllib.request, "urlopen", refuse)
    with pytest.raises(ClusterError, match="cannot be downloaded from https"):
        installation.manifest(controller, cache=tmp_path / "empty")


def test_downloaded_manifest_is_kept_when_its_digest_is_right(controller, tmp_path, monkeypatch):
    data = (tmp_path / "manifests" / f"{controller.manifest_sha256}.yaml").read_bytes()

    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def read(self, _):
            return data

    asked = []
    monkeypatch.setattr(
        installation.urllib.request, "urlopen", lambda url, timeout: asked.append(url) or Answer()
    )
    cache = tmp_path / "empty"
    for _ in range(2):
        assert len(installation.manifest(controller, cache=cache)) == 3
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["jobset", "trainer_mpi"])
def test_a_controller_without_a_manifest_is_used_where_it_is_installed_and_else_named(
    server, cache, name
):
    state, kube = server
    controller = k8s_operators.load(name).controller
    check = installation.manifest_check(controller, cache=cache)
    assert check.outcome is Outcome.FAILED
    assert "install" in check.finding
    assert controller.advice in check.finding
    with pytest.raises(ClusterError, match="is not installed on the cluster"):
        installation.install(kube, controller, study_id="s1", cache=cache)
    place = f"/apis/apps/v1/namespaces/{controller.namespace}/deployments"
    state.put(f"{CRDS}/{controller.crd_name}", {"metadata": {"name": controller.crd_name}})
    theirs = {
        "metadata": {"name": controller.deployment, "namespace": controller.namespace},
        "spec": {"template": {"spec": {"containers": [{"image": f"r/c:{controller.version}"}]}}},
        "status": {"availableReplicas": 1},
    }
    state.put(f"{place}/{controller.deployment}", theirs)
    version = installation.install(kube, controller, study_id="s1", cache=cache)
    assert version == controller.version
    before = set(state.objects)
    installation.uninstall(kube, controller, study_id="s1", cache=cache)
    assert set(state.objects) == before
