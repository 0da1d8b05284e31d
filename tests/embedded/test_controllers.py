from __future__ import annotations

import pytest

from include.embedded import access, cluster_dns, controllers
from include.errors import ClusterError
from include.kube.kinds import Controller

DEPLOYMENT = """\
apiVersion: v1
kind: Namespace
metadata: {name: upstream}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: other}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: test-operator}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tests.example.org}
"""


@pytest.fixture
def controller():
    return Controller(
        name="test-operator",
        version="v1",
        namespace="test-operator",
        crd_name="tests.example.org",
        go_module="example.org/test",
        crd_files=("crd.yaml",),
        deployment_file="deployment.yaml",
        manifest_url="",
        manifest_sha256="",
        cluster_role="test-operator",
        process_arguments=("-kubeConfig={kubeconfig}",),
    )


@pytest.fixture
def module(programs):
    folder = programs / "manifests/example.org/test"
    folder.mkdir(parents=True)
    (folder / "crd.yaml").write_text(DEFINITION)
    (folder / "deployment.yaml").write_text(DEPLOYMENT)
    return folder


def test_a_controller_gets_upstreams_definitions_and_role(controller, module):
    found = controllers.objects(controller)
    assert [obj["kind"] for obj in found] == [
        "Namespace",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
    ]
    assert found[2]["rules"][0]["resources"] == ["pods"]
    assert found[3]["roleRef"]["name"] == "test-operator"
    assert found[3]["subjects"][0]["name"] == "operator-benchmark:test-operator"


def test_a_deployment_without_the_role_is_named(controller, module):
    (module / "deployment.yaml").write_text(DEFINITION)
    with pytest.raises(ClusterError, match=r"deployment\.yaml has no ClusterRole test-operator"):
        controllers.objects(controller)


def rules(objects, kind, name):
    return [
        rule
        for obj in objects
        if obj["kind"] == kind and obj["metadata"]["name"] == name
        for rule in obj["rules"]
    ]


def test_the_pipeline_changes_nothing_outside_its_namespace():
    objects = access.for_study("study")
    for rule in rules(objects, "ClusterRole", "operator-benchmark:pipeline"):
        assert set(rule["verbs"]) <= {"get", "list"}
        assert set(rule["resources"]) <= {"nodes", "namespaces"}
    inside = rules(objects, "Role", "operator-benchmark:pipeline")
    assert {"kubeflow.org", "flux-framework.org", "batch", ""} <= {
        group for rule in inside for group in rule["apiGroups"]
    }
    assert not any("*" in rule["verbs"] + rule["resources"] for rule in inside)
    assert {obj["metadata"].get("namespace") for obj in objects if obj["kind"] == "Role"} == {
        "study"
    }


def test_the_studys_namespace_admits_no_privileged_pod():
    namespace = access.for_study("study")[0]
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "baseline"}


def test_the_name_service_only_reads():
    for rule in rules(access.for_cluster(), "ClusterRole", "operator-benchmark:coredns"):
        assert set(rule["verbs"]) == {"list", "watch"}


def test_the_name_service_listens_on_the_bridge_alone():
    text = cluster_dns.corefile("/kubeconfig")
    assert "bind 10.99.0.1\n" in text
    assert "ready 10.99.0.1:" in text
    assert "kubeconfig /kubeconfig local" in text
