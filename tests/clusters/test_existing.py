from __future__ import annotations

import pytest
import yaml

from include import clusters
from include.clusters import existing
from include.errors import ClusterError, StudyError, TeardownError
from include.k8s_operators import LABEL_STUDY
from include.kube.client import Kube
from include.models import Study
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets
CLUSTER = clusters.load("existing")
IMAGE = "registry.test/lammps@sha256:" + "c" * 64


@pytest.fixture
def server(monkeypatch):
    with serving() as (state, kube):
        monkeypatch.setattr(
            Kube, "from_kubeconfig", lambda *_, namespace, **__: kube.in_namespace(namespace)
        )
        yield state


def study(**changes):
    return Study(**{"cluster": "existing", "image": IMAGE, "nodes": (2,), **changes})


def reservation(**changes):
    return CLUSTER.reserve(study(**changes), study_id="demo-1")


def add_nodes(state, count, **labels):
    labels = {existing._INSTANCE_TYPE: "m5.large", **labels}
    for index in range(count):
        obj = {"metadata": {"name": f"n{index}", "labels": labels}, "spec": {}}
        state.put(f"/api/v1/nodes/n{index}", obj)


def test_image_must_be_named():
    with pytest.raises(StudyError, match="image: the existing cluster needs one"):
        CLUSTER.reserve(study(image=None), study_id="demo-1")


def test_more_nodes_than_the_cluster_has_are_refused(server):
    add_nodes(server, 1)
    with pytest.raises(ClusterError, match="asks for 2 nodes, the cluster has 1"):
        CLUSTER.preflight(reservation())


def test_only_nodes_that_workers_may_use_count(server):
    add_nodes(server, 3, role="other")
    options = {"worker": {"node_selector": {"role": "worker"}}}
    with pytest.raises(ClusterError, match=r"has 0 that workers may use \(labels role=worker\)"):
        CLUSTER.preflight(reservation(cluster_options=options))


def test_cordoned_nodes_do_not_count(server):
    add_nodes(server, 2)
    server.objects["/api/v1/nodes/n0"]["spec"]["unschedulable"] = True
    with pytest.raises(ClusterError, match="has 1"):
        CLUSTER.preflight(reservation())


def test_study_gets_a_namespace_of_its_own_that_is_deleted(server):
    add_nodes(server, 2)
    mine = reservation()
    CLUSTER.preflight(mine)
    CLUSTER.create(mine, study())
    assert "/api/v1/namespaces/demo-1" in server.objects
    handle = CLUSTER.wait_ready(mine, study())
    assert (handle.kubernetes_version, handle.instance_type) == ("v1.36.2", "m5.large")
    assert handle.image_digest == "sha256:" + "c" * 64
    CLUSTER.delete(mine)
    assert CLUSTER.leftovers(mine) == ()
    assert "/api/v1/namespaces/demo-1" not in server.objects


def test_given_namespace_must_exist_and_is_left(server):
    mine = reservation(cluster_options={"namespace": "team"})
    with pytest.raises(ClusterError, match="there is no namespace team"):
        CLUSTER.create(mine, study())
    server.put("/api/v1/namespaces/team", {"metadata": {"name": "team"}})
    CLUSTER.create(mine, study())
    pod = {"metadata": {"name": "p", "labels": {LABEL_STUDY: "demo-1"}}}
    stranger = {"metadata": {"name": "q", "labels": {}}}
    server.put("/api/v1/namespaces/team/pods/p", pod)
    server.put("/api/v1/namespaces/team/pods/q", stranger)
    assert CLUSTER.leftovers(mine) == ("pod/p",)
    CLUSTER.delete(mine)
    assert set(server.objects) == {"/api/v1/namespaces/team", "/api/v1/namespaces/team/pods/q"}


def test_namespace_of_a_stranger_with_the_same_name_is_left(server):
    server.put("/api/v1/namespaces/demo-1", {"metadata": {"name": "demo-1", "labels": {}}})
    CLUSTER.delete(reservation())
    assert "/api/v1/namespaces/demo-1" in server.objects


def test_namespace_that_stays_is_a_teardown_error(server, monkeypatch):
    monkeypatch.setattr(existing, "GONE_S", 0.0)
    CLUSTER.create(reservation(), study())
    server.held_deletions = {"demo-1"}
    with pytest.raises(TeardownError, match="namespace/demo-1"):
        CLUSTER.delete(reservation())


def test_absent_kubeconfig_is_named(tmp_path):
    mine = reservation(cluster_options={"kubeconfig": str(tmp_path / "absent")})
    with pytest.raises(ClusterError, match="absent cannot be read"):
        CLUSTER.preflight(mine)


def test_kubeconfig_comes_from_the_environment_when_none_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "theirs"))
    (tmp_path / "theirs").write_text(yaml.safe_dump({"apiVersion": "v1"}))
    with pytest.raises(ClusterError, match="theirs cannot be used"):
        CLUSTER.preflight(reservation())


def test_controllers_are_installed_from_the_upstream_manifest(server, monkeypatch):
    calls = []
    monkeypatch.setattr(
        existing.installation, "install", lambda *_, **kw: calls.append(kw["study_id"]) or "v1"
    )
    monkeypatch.setattr(
        existing.installation, "uninstall", lambda *_, **kw: calls.append(kw["study_id"])
    )
    assert CLUSTER.install(reservation(), object()) == "v1"
    CLUSTER.uninstall(reservation(), object())
    assert calls == ["demo-1", "demo-1"]
