"""Access rights (RBAC) on the embedded cluster, beyond those of Kubernetes itself."""

from __future__ import annotations

from typing import Any

from include import k8s_operators
from include.embedded.credentials import CLIENTS, COREDNS, PIPELINE
from include.k8s_operators._kueue import WORKLOAD

API_GROUP = "rbac.authorization.k8s.io"
WORK = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = ("get", "list", "watch")
PIPELINE_RULES = (
    ("", ("pods", "services", "secrets", "configmaps"), WORK),
    ("", ("pods/log",), ("get",)),
    ("", ("events",), READ),
    ("events.k8s.io", ("events",), READ),
    ("batch", ("jobs",), WORK),
    (WORKLOAD.group, (WORKLOAD.plural,), (*READ, "delete")),
)
PIPELINE_CLUSTER_RULES = (
    ("", ("nodes",), ("get", "list")),
    ("", ("namespaces",), ("get",)),
)
COREDNS_RULES = (
    ("", ("endpoints", "services", "pods", "namespaces"), ("list", "watch")),
    ("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
)
APISERVER_TO_KUBELET = "system:kubelet-api-admin"  # Kubernetes' own role for that
APISERVER_USER = "operator-benchmark:apiserver"

type_rules = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def for_cluster() -> tuple[dict[str, Any], ...]:
    """Roles of the cluster's own programs: CoreDNS, and the API server towards the kubelets."""
    return (
        role("operator-benchmark:coredns", COREDNS_RULES),
        binding(role_name="operator-benchmark:coredns", user=CLIENTS[COREDNS].user),
        for_api_server(),
    )


def for_api_server() -> dict[str, Any]:
    """The API server's right to query kubelets, for example for logs."""
    return binding(role_name=APISERVER_TO_KUBELET, user=APISERVER_USER)


def for_study(namespace: str) -> tuple[dict[str, Any], ...]:
    """The study's namespace and the pipeline's rights: everything in it, and reading nodes.

    The namespace admits no privileged pod, so these rights do not extend to the machine.
    """
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    user = CLIENTS[PIPELINE].user
    return (
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": labels},
        },
        role("operator-benchmark:pipeline", pipeline_rules(), namespace=namespace),
        binding(role_name="operator-benchmark:pipeline", user=user, namespace=namespace),
        role("operator-benchmark:pipeline", PIPELINE_CLUSTER_RULES),
        binding(role_name="operator-benchmark:pipeline", user=user),
    )


def pipeline_rules() -> type_rules:
    """The pipeline's rights in its namespace: on Kubernetes' own kinds and all operators' kinds."""
    operators = map(k8s_operators.load, k8s_operators.available())
    kinds = dict.fromkeys((kind.group, kind.plural) for each in operators for kind in each.kinds)
    known = {(group, name) for group, names, _ in PIPELINE_RULES for name in names}
    custom = tuple((group, (name,), WORK) for group, name in kinds if (group, name) not in known)
    return (*PIPELINE_RULES, *custom)


def role(name: str, rules: type_rules, *, namespace: str | None = None) -> dict[str, Any]:
    """A ClusterRole, or a Role when a namespace is given."""
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": _metadata(name, namespace),
        "rules": [
            {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
            for group, resources, verbs in rules
        ],
    }


def binding(*, role_name: str, user: str, namespace: str | None = None) -> dict[str, Any]:
    """Bind a user to a ClusterRole, or to a Role within a namespace; named after the user."""
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _metadata(user, namespace),
        "roleRef": {
            "apiGroup": API_GROUP,
            "kind": "Role" if namespace else "ClusterRole",
            "name": role_name,
        },
        "subjects": [{"apiGroup": API_GROUP, "kind": "User", "name": user}],
    }


def _metadata(name: str, namespace: str | None) -> dict[str, str]:
    return {"name": name, "namespace": namespace} if namespace else {"name": name}
