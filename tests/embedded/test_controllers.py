from __future__ import annotations

import base64
import dataclasses

import pytest
import yaml

from include import k8s_operators
from include.embedded import (
    access,
    cluster_dns,
    controller_files,
    controller_objects,
    credentials,
    modules,
    on_demand,
)
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
def module(programs, controller):
    folder = on_demand.folder(controller) / modules.MANIFESTS / controller.go_module
    folder.mkdir(parents=True)
    (folder / "crd.yaml").write_text(DEFINITION)
    (folder / "deployment.yaml").write_text(DEPLOYMENT)
    return folder


def test_a_controller_gets_upstreams_definitions_and_role(controller, module):
    found = controller_objects.objects(controller)
    assert [obj["kind"] for obj in found] == [
        "Namespace",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
    ]
    assert found[2]["rules"][0]["resources"] == ["pods"]
    assert found[2]["metadata"]["name"] == "operator-benchmark:test-operator"  # no name of others
    assert found[3]["roleRef"]["name"] == "operator-benchmark:test-operator"
    assert found[3]["subjects"][0]["name"] == "operator-benchmark:test-operator"


def test_a_deployment_without_the_role_is_named(controller, module):
    (module / "deployment.yaml").write_text(DEFINITION)
    with pytest.raises(ClusterError, match=r"deployment\.yaml has no ClusterRole test-operator"):
        controller_objects.objects(controller)


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


WEBHOOKS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: mutating-webhook-configuration}
webhooks:
- name: tests.example.org
  clientConfig: {service: {name: webhook-service, namespace: system, path: /mutate-test}}
  rules: [{apiGroups: [example.org], resources: [tests]}]
- name: pods.example.org
  clientConfig: {service: {name: webhook-service, namespace: system, path: /mutate-pod}}
  rules: [{apiGroups: [""], resources: [pods]}]
"""


@pytest.fixture
def webhooked(controller, module):
    (module / "webhooks.yaml").write_text(WEBHOOKS)
    (module / "config.yaml").write_text("kind: Configuration\nmetrics: {port: 1, secure: true}\n")
    return dataclasses.replace(
        controller,
        webhook_files=("webhooks.yaml",),
        webhook_pods="example.org/test",
        config_file="config.yaml",
        config='metrics:\n  port: 0\nwebhook:\n  host: "{address}"\n',
    )


def test_webhooks_are_answered_by_the_process_under_a_certificate_that_is_trusted(
    webhooked, layout
):
    trust = credentials.create_all(layout)
    environment = controller_files.write(webhooked, layout, {"address": "10.99.0.2"})
    folder = layout.config / "test-operator"
    assert environment == {"TMPDIR": str(folder)}
    certificates = folder / "k8s-webhook-server" / "serving-certs"
    assert {path.name for path in certificates.iterdir()} == {"tls.crt", "tls.key"}
    (made,) = controller_files.webhooks(webhooked, layout, address="10.99.0.2", port=9443)
    assert made["metadata"]["name"] == "test-operator"  # upstream's files name all alike
    first, second = made["webhooks"]
    assert first["clientConfig"]["url"] == "https://10.99.0.2:9443/mutate-test"
    bundle = base64.b64decode(first["clientConfig"]["caBundle"])
    assert bundle == trust.authority.certificate.read_bytes()
    assert "objectSelector" not in first
    asked = second["objectSelector"]["matchExpressions"]
    assert asked == [{"key": "example.org/test", "operator": "Exists"}]


def test_a_configuration_is_upstreams_with_the_address_of_the_process_in_it(webhooked, layout):
    credentials.create_all(layout)
    controller_files.write(webhooked, layout, {"address": "10.99.0.2"})
    path = controller_files.config_path(webhooked, layout)
    assert yaml.safe_load(path.read_text()) == {
        "kind": "Configuration",
        "metrics": {"port": 0, "secure": True},
        "webhook": {"host": "10.99.0.2"},
    }


def test_a_clients_rate_is_in_the_configuration_where_one_is_asked_for(webhooked, layout):
    credentials.create_all(layout)
    rated = dataclasses.replace(webhooked, client_config="client: {{qps: {qps}, burst: {burst}}}\n")
    asked = {"address": "10.99.0.2"}
    for values, client in ((asked, None), ({**asked, "qps": "7", "burst": "8"}, (7, 8))):
        controller_files.write(rated, layout, values)
        told = yaml.safe_load(controller_files.config_path(rated, layout).read_text())
        assert told.get("client") == (client and {"qps": client[0], "burst": client[1]})


def test_the_pipeline_may_work_with_every_operators_own_kinds():
    inside = rules(access.for_study("study"), "Role", "operator-benchmark:pipeline")
    granted = {(rule["apiGroups"][0], name) for rule in inside for name in rule["resources"]}
    for name in k8s_operators.available():
        for kind in k8s_operators.load(name).kinds:
            assert (kind.group, kind.plural) in granted


def test_what_a_controller_needs_is_installed_before_it_and_once():
    names = [each.name for each in k8s_operators.controllers(("trainer_mpi", "jobset"))]
    assert names == ["jobset-manager", "trainer-manager"]
