"""Kueue: a queue that holds a job back until there is room for all its pods.

Its webhook suspends a job with the label of a queue, whatever made it; a Workload of the job is
admitted, and Kueue lets the job go. Source: kueue v0.17.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators._manager_config import as_process
from include.kube.conditions import condition, known_instant
from include.kube.kinds import Controller, Rate, ResourceKind
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from include.k8s_operators import K8sOperator

VERSION = "v0.17.0"
GROUP, API_VERSION = "kueue.x-k8s.io", "v1beta2"
LABEL = f"{GROUP}/queue-name"
_DEFINED = (
    *("workloads", "clusterqueues", "localqueues", "resourceflavors", "cohorts"),
    *("admissionchecks", "workloadpriorityclasses", "provisioningrequestconfigs"),
    *("multikueueconfigs", "multikueueclusters", "topologies"),
)
# Their older versions are converted by a webhook, into whose address Kueue writes its certificate.
_CONVERTED = ("localqueues", "clusterqueues", "cohorts", "workloads", "multikueueclusters")
CONTROLLER = Controller(
    name="kueue",
    version=VERSION,
    namespace="kueue-system",
    deployment="kueue-controller-manager",
    crd_name=f"{_DEFINED[0]}.{GROUP}",
    more_crds=tuple(f"{name}.{GROUP}" for name in _DEFINED[1:]),
    go_module="sigs.k8s.io/kueue",
    tool="kueue",
    package="sigs.k8s.io/kueue/cmd/kueue",
    crd_files=(
        *(f"config/components/crd/bases/{GROUP}_{name}.yaml" for name in _DEFINED),
        *(f"config/components/crd/patches/webhook_in_{name}.yaml" for name in _CONVERTED),
    ),
    deployment_file="config/components/rbac/role.yaml",
    advice=(
        "kubectl apply --server-side -f "
        f"https://github.com/kubernetes-sigs/kueue/releases/download/{VERSION}/manifests.yaml"
    ),
    cluster_role="manager-role",
    process_arguments=("--config={config}",),
    health_path="/readyz",
    config_file="config/components/manager/controller_manager_config.yaml",
    # Its own certificates stay on: without them it insists on files below /etc/kueue. They only
    # serve the conversion of older versions, which nobody asks for; webhooks have the cluster's.
    config=as_process(
        """\
namespace: kueue-system
featureGates:
  VisibilityOnDemand: false
integrations:
  frameworks:
  - batch/job
  - kubeflow.org/mpijob
  - jobset.x-k8s.io/jobset
  - trainer.kubeflow.org/trainjob
""",
        webhook='  certDir: "{certificates}"\n',
    ),
    webhook_files=("config/components/webhook/manifests.yaml",),
    webhook_pods=f"{GROUP}/managed",
    own_objects="""\
apiVersion: v1
kind: Secret
metadata: {{name: kueue-webhook-server-cert, namespace: kueue-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: kueue-manager-secrets-role, namespace: kueue-system}}
rules:
- {{apiGroups: [""], resources: [secrets], verbs: [get, list, update, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: kueue-manager-secrets-rolebinding, namespace: kueue-system}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: kueue-manager-secrets-role}}
subjects:
- {{apiGroup: rbac.authorization.k8s.io, kind: User, name: "{user}"}}
""",
    client_rate=Rate(qps=50, burst=100),  # its configuration file
    client_config="""\
clientConnection:
  qps: {qps}
  burst: {burst}
""",
)


def _kind(plural: str, kind: str, *, namespaced: bool) -> ResourceKind:
    return ResourceKind(
        group=GROUP, version=API_VERSION, plural=plural, kind=kind, namespaced=namespaced
    )


WORKLOAD = _kind("workloads", "Workload", namespaced=True)
LOCAL_QUEUE = _kind("localqueues", "LocalQueue", namespaced=True)
CLUSTER_QUEUE = _kind("clusterqueues", "ClusterQueue", namespaced=False)
FLAVOR = _kind("resourceflavors", "ResourceFlavor", namespaced=False)
KINDS = (LOCAL_QUEUE, CLUSTER_QUEUE, FLAVOR)  # of the queue, in order of deletion


def objects(
    *,
    study_id: str,
    namespace: str,
    pod_resources: Mapping[str, str],
    nodes: int,
    launchers: int = 1,
) -> tuple[dict[str, Any], ...]:
    """A queue named after the study, with room for pods with ranks on so many nodes."""
    from kubernetes.utils.quantity import parse_quantity  # noqa: PLC0415  slow; DAGs load this module

    quotas = {name: str(parse_quantity(each) * nodes) for name, each in pod_resources.items()}
    quotas["pods"] = str(nodes + launchers)
    return render("kueue.yaml.j2", name=study_id, namespace=namespace, quotas=quotas)


def put_in_queue(
    operator: K8sOperator, objects: tuple[dict[str, Any], ...], *, queue: str
) -> tuple[dict[str, Any], ...]:
    """A job's objects, of which the resource, which is the last, names a queue."""
    *others, resource = objects
    part, labels = operator.queued_labels
    named = {**resource[part], labels: {**resource[part][labels], LABEL: queue}}
    return (*others, {**resource, part: named})


def workload_of(workloads: Iterable[dict[str, Any]], *, name: str) -> dict[str, Any] | None:
    """The newest Workload that a job of this name owns: one of an earlier attempt may linger."""
    owned = [
        each
        for each in workloads
        if name in {owner["name"] for owner in each["metadata"].get("ownerReferences", ())}
    ]
    return max(owned, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)


def admitted_at(workload: dict[str, Any]) -> datetime | None:
    """The instant at which the queue let the job go; None if it did not."""
    admitted = condition(workload, "Admitted")
    return known_instant((admitted or {}).get("lastTransitionTime"))


def complaint(workload: dict[str, Any]) -> str:
    """The reason why a Workload is not admitted, in Kueue's words; "" when it gives none."""
    conditions = workload.get("status", {}).get("conditions") or ()
    told = [each["message"] for each in conditions if each["status"] == "False"]
    return "; ".join(dict.fromkeys(filter(None, told)))
