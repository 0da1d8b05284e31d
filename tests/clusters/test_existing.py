from __future__ import annotations

import pytest
import yaml

from include import clusters, k8s_operators
from include.checks import Outcome, passed
from include.clusters import _rights, existing
from include.errors import ClusterError, StudyError, TeardownError
from include.k8s_operators import LABEL_STUDY, _kueue
from include.kube import installation
from include.kube.answers import AccessRefused
from include.kube.client import Kube
from include.kube.kinds import NAMESPACE
from include.models import Study
from tests.kube.api_server import DISCOVERY, serving

pytestmark = pytest.mark.sockets
CLUSTER = clusters.load("existing")
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MPI = k8s_operators.load("mpi_operator").controller
THEIR_JOB = "/apis/kubeflow.org/v2beta1/namespaces/team/mpijobs/training"
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


@pytest.mark.parametrize(
    ("toleration", "is_usable"),
    [
        (None, False),
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "value": "hpc"}, True),
        ({"key": "dedicated", "value": "hpc", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "hpc", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "value": "web"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tainted_nodes_count_when_the_study_tolerates_it(server, toleration, is_usable):
    add_nodes(server, 2)
    taint = {"key": "dedicated", "value": "hpc", "effect": "NoSchedule"}
    server.objects["/api/v1/nodes/n1"]["spec"]["taints"] = [taint]
    tolerations = [toleration] if toleration else []
    mine = reservation(cluster_options={"worker": {"tolerations": tolerations}})
    if is_usable:
        CLUSTER.preflight(mine)
        return
    with pytest.raises(ClusterError, match=r"has 1 .*n1 is tainted dedicated=hpc:NoSchedule"):
        CLUSTER.preflight(mine)


def test_a_taint_that_only_prefers_other_nodes_keeps_nobody_out(server):
    add_nodes(server, 2)
    taint = {"key": "busy", "effect": "PreferNoSchedule"}
    server.objects["/api/v1/nodes/n1"]["spec"]["taints"] = [taint]
    CLUSTER.preflight(reservation())


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_nodes_that_are_out_of_order_do_not_count(server, status):
    add_nodes(server, 2)
    for index, ready in enumerate(("True", status)):
        conditions = [{"type": "Ready", "status": ready}]
        server.objects[f"/api/v1/nodes/n{index}"]["status"] = {"conditions": conditions}
    with pytest.raises(ClusterError, match="asks for 2 nodes, the cluster has 1"):
        CLUSTER.preflight(reservation())


def test_a_node_that_is_being_deleted_does_not_count(server):
    add_nodes(server, 2)
    server.objects["/api/v1/nodes/n1"]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    with pytest.raises(ClusterError, match=r"has 1 .*\(n1 is being deleted\)"):
        CLUSTER.preflight(reservation())


@pytest.mark.parametrize(
    ("launcher", "text"),
    [
        ({}, "no node may run it (n0 is tainted hpc:NoSchedule, which the study does not tolerate"),
        ({"node_selector": {"role": "head"}}, "no node may run it (labels role=head)"),
        ({"tolerations": [{"key": "hpc", "operator": "Exists"}]}, None),
    ],
)
def test_a_launcher_without_a_node_is_refused(server, launcher, text):
    add_nodes(server, 2)
    for index in range(2):
        taint = {"key": "hpc", "effect": "NoSchedule"}
        server.objects[f"/api/v1/nodes/n{index}"]["spec"]["taints"] = [taint]
    worker = {"tolerations": [{"key": "hpc", "operator": "Exists"}]}
    mine = reservation(cluster_options={"worker": worker, "launcher": launcher})
    CLUSTER.preflight(mine)
    (check,) = CLUSTER.launcher_check(mine)
    assert check.outcome is (Outcome.FAILED if text else Outcome.PASSED)
    assert text is None or check.finding.startswith(text)


@pytest.mark.parametrize(
    ("namespace", "text"),
    [
        (None, "there is no namespace team"),
        ({"status": {"phase": "Terminating"}}, "is being deleted"),
        (
            {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            "takes no pod that runs as root",
        ),
    ],
)
def test_a_namespace_that_takes_no_pods_of_the_study_is_refused_beforehand(server, namespace, text):
    add_nodes(server, 2)
    if namespace is not None:
        metadata = {"name": "team", "labels": namespace.get("labels", {})}
        place = {"metadata": metadata, "status": namespace.get("status", {})}
        server.put("/api/v1/namespaces/team", place)
    with pytest.raises(ClusterError, match=text):
        CLUSTER.preflight(reservation(cluster_options={"namespace": "team"}))


def test_a_namespace_that_may_not_be_looked_at_is_taken_as_it_is(server, monkeypatch):
    add_nodes(server, 2)
    look = Kube.get

    def refused(self, kind, name):
        if kind == NAMESPACE:
            raise AccessRefused("the credential lacks the right")
        return look(self, kind, name)

    monkeypatch.setattr(Kube, "get", refused)
    CLUSTER.preflight(reservation(cluster_options={"namespace": "team"}))


def test_pods_that_too_few_nodes_are_large_enough_for_are_refused(server):
    add_nodes(server, 2)
    for index, cpus in enumerate(("8", "7910m")):
        node = server.objects[f"/api/v1/nodes/n{index}"]
        node["status"] = {"allocatable": {"cpu": cpus, "memory": "64Gi"}}
    (fits,) = CLUSTER.room(reservation(), {"cpu": "7", "memory": "60G"})
    assert fits.outcome is Outcome.PASSED
    assert fits.finding == "2 of 2 nodes are large enough for a pod"
    (refused,) = CLUSTER.room(reservation(), {"cpu": "8"})
    assert refused.outcome is Outcome.FAILED
    assert refused.finding == (
        "1 of 2 nodes are large enough for a pod, the study asks for 2; "
        "a pod asks for cpu 8 of 7910m"
    )


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
        installation, "install", lambda *_, **kw: calls.append(kw["study_id"]) or "v1"
    )
    monkeypatch.setattr(installation, "uninstall", lambda *_, **kw: calls.append(kw["study_id"]))
    assert CLUSTER.install(reservation(), MPI) == "v1"
    CLUSTER.uninstall(reservation(), MPI)
    assert calls == ["demo-1", "demo-1"]


@pytest.fixture
def installed(server, monkeypatch):
    """The MPI Operator as a study installed it, when the run was cut off before its uninstall."""
    mine = {"labels": {installation.OWNER_LABEL: "demo-1"}}
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MPI.namespace, **mine}},
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": MPI.crd_name, **mine},
        },
    ]
    manifests = {MPI.name: made}
    monkeypatch.setattr(
        installation, "manifest", lambda controller, **_: manifests[controller.name]
    )
    server.put(f"/api/v1/namespaces/{MPI.namespace}", made[0])
    server.put(f"{CRDS}/{MPI.crd_name}", made[1])
    return server


def test_operator_that_a_cut_off_run_installed_goes_with_the_study(installed):
    left = (f"namespace/{MPI.namespace}", f"definition/{MPI.crd_name}")
    assert CLUSTER.leftovers(reservation()) == left
    CLUSTER.delete(reservation())
    assert installed.objects == {}


def test_operator_that_was_cut_off_before_its_kind_was_served_goes_too(installed, monkeypatch):
    monkeypatch.delitem(DISCOVERY, "/apis/kubeflow.org/v2beta1")
    CLUSTER.delete(reservation())
    assert installed.objects == {}


def test_operator_goes_after_the_jobs_that_it_may_have_to_end(installed, monkeypatch):
    monkeypatch.setattr(existing, "GONE_S", 0.0)
    job = {"metadata": {"name": "p", "labels": {LABEL_STUDY: "demo-1"}}}
    installed.put("/api/v1/namespaces/demo-1/pods/p", job)
    installed.held_deletions = {"p"}
    with pytest.raises(TeardownError, match=f"pod/p, .*definition/{MPI.crd_name}"):
        CLUSTER.delete(reservation())
    assert f"{CRDS}/{MPI.crd_name}" in installed.objects


def test_operator_that_others_use_meanwhile_stays_with_their_jobs(installed):
    installed.put(THEIR_JOB, {"metadata": {"name": "training", "namespace": "team"}})
    told = "the mpi-operator that the study installed .* stays.* MPIJob team/training"
    with pytest.raises(TeardownError, match=told):
        CLUSTER.uninstall(reservation(), MPI)
    with pytest.raises(TeardownError, match=told):
        CLUSTER.delete(reservation())
    assert {THEIR_JOB, f"{CRDS}/{MPI.crd_name}"} <= set(installed.objects)


def test_operator_of_somebody_else_and_its_jobs_are_left(server):
    theirs = {"metadata": {"name": MPI.crd_name, "labels": {installation.OWNER_LABEL: "other"}}}
    server.put(f"{CRDS}/{MPI.crd_name}", theirs)
    server.put(THEIR_JOB, {"metadata": {"name": "training", "namespace": "team"}})
    CLUSTER.delete(reservation())
    assert set(server.objects) == {THEIR_JOB, f"{CRDS}/{MPI.crd_name}"}


def outcomes(checks):
    return {check.name: (check.outcome, check.finding) for check in checks}


def test_the_rights_of_a_study_are_asked_for_before_anything_is_made(server):
    add_nodes(server, 2)
    found = outcomes(CLUSTER.examine(reservation()).checks)
    assert found["rights"] == (Outcome.PASSED, "all that jobs in namespace demo-1 need")
    assert {method for method, _ in server.requests} == {"GET", "POST"}
    assert {p for method, p in server.requests if method == "POST"} == {_rights.REVIEWS}


@pytest.mark.parametrize(
    ("forbidden", "options", "words"),
    [
        ("create secrets", {}, "may not create secrets in demo-1"),
        ("get pods", {}, "may not get pods/log in demo-1"),
        ("delete namespaces", {}, "may not delete namespaces"),
        ("create daemonsets", {}, "may not create daemonsets.apps in demo-1"),
        ("create pods", {"namespace": "team"}, "may not create pods in team"),
    ],
)
def test_a_right_that_is_lacking_is_named(server, forbidden, options, words):
    add_nodes(server, 2)
    server.put("/api/v1/namespaces/team", {"metadata": {"name": "team"}})
    server.forbidden.add(forbidden)
    outcome, found = outcomes(CLUSTER.examine(reservation(cluster_options=options)).checks)[
        "rights"
    ]
    assert outcome is Outcome.FAILED
    assert words in found


def test_a_study_in_a_namespace_that_is_there_need_not_make_one(server):
    add_nodes(server, 2)
    server.put("/api/v1/namespaces/team", {"metadata": {"name": "team"}})
    server.forbidden |= {"create namespaces", "delete namespaces"}
    given = reservation(cluster_options={"namespace": "team"})
    assert outcomes(CLUSTER.examine(given).checks)["rights"][0] is Outcome.PASSED


def test_the_rights_to_a_controller_count_only_where_it_is_to_be_installed(server, monkeypatch):
    monkeypatch.setattr(
        installation, "manifest_check", lambda *_, **__: passed("manifest", "is there")
    )
    server.forbidden.add("create clusterroles")
    found = outcomes(CLUSTER.controller_check(reservation(), MPI))
    assert "create clusterroles.rbac.authorization.k8s.io" in found["rights: mpi-operator"][1]
    server.put(f"{CRDS}/{MPI.crd_name}", {"metadata": {"name": MPI.crd_name}})
    server.forbidden.add("create mpijobs")
    found = outcomes(CLUSTER.controller_check(reservation(), MPI))
    assert "rights: mpi-operator" not in found
    assert "create mpijobs.kubeflow.org in demo-1" in found["rights: mpijobs"][1]


@pytest.mark.parametrize(
    ("forbidden", "words"),
    [
        ("deletecollection leases", "deletecollection leases.coordination.k8s.io in mpi-operator"),
        ("list leases", "list leases.coordination.k8s.io in mpi-operator"),
        ("list pods", "list pods in mpi-operator"),
    ],
)
def test_the_rights_to_let_versions_of_a_controller_take_turns_are_asked_for(
    server, forbidden, words
):
    name = "rights: versions of mpi-operator"
    (held,) = CLUSTER.exchange_check(reservation(), MPI)
    assert (held.name, held.outcome) == (name, Outcome.PASSED)
    server.forbidden.add(forbidden)
    (check,) = CLUSTER.exchange_check(reservation(), MPI)
    assert (check.name, check.outcome) == (name, Outcome.FAILED)
    assert words in check.finding


def test_the_rights_to_a_queue_are_asked_for_where_kueue_is_installed(server):
    server.put(f"{CRDS}/{_kueue.CONTROLLER.crd_name}", {"metadata": {"name": "workloads"}})
    server.forbidden.add("create clusterqueues")
    found = outcomes(CLUSTER.controller_check(reservation(), _kueue.CONTROLLER))
    assert found["kueue"][0] is Outcome.PASSED
    assert found["rights: queue"][0] is Outcome.FAILED
    assert "create clusterqueues.kueue.x-k8s.io" in found["rights: queue"][1]


def test_without_kueue_a_study_with_a_queue_is_told_how_to_install_it(server):
    (check,) = CLUSTER.controller_check(reservation(), _kueue.CONTROLLER)[:1]
    assert check.outcome is Outcome.FAILED
    assert "kubernetes-sigs/kueue/releases/download/v0.17.0/manifests.yaml" in check.finding


def test_a_queue_that_a_cancelled_study_left_is_a_leftover_and_is_deleted(server):
    path = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues"
    for name, owner in (("demo-1", "demo-1"), ("theirs", "another")):
        server.put(f"{path}/{name}", {"metadata": {"name": name, "labels": {LABEL_STUDY: owner}}})
    assert CLUSTER.leftovers(reservation()) == ("ClusterQueue/demo-1",)
    CLUSTER.delete(reservation())
    assert CLUSTER.leftovers(reservation()) == ()
    assert f"{path}/theirs" in server.objects
