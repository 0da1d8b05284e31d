"""The controller and pods of JobSets, which also underlie Trainer's MPI jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators._manager_config import as_process
from include.k8s_operators._pods import state_by_conditions
from include.kube.kinds import Controller, Rate, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.k8s_operators import JobSpec, JobState

VERSION = "v0.11.1"
LAUNCHER = "launcher"  # a replicated job
PART_LABEL = "jobset.sigs.k8s.io/replicatedjob-name"
LONGEST_SUFFIX = "-worker-0-9999-abcde"  # the webhook also counts a pod's random suffix
RESOURCE = ResourceKind(
    group="jobset.x-k8s.io", version="v1alpha2", plural="jobsets", kind="JobSet"
)
CONTROLLER = Controller(
    name="jobset-manager",
    version=VERSION,
    namespace="jobset-system",
    deployment="jobset-controller-manager",
    crd_name="jobsets.jobset.x-k8s.io",
    go_module="sigs.k8s.io/jobset",
    tool="jobset",
    package="sigs.k8s.io/jobset",
    crd_files=("config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml",),
    deployment_file="config/components/rbac/role.yaml",
    advice=(
        "kubectl apply --server-side -f "
        f"https://github.com/kubernetes-sigs/jobset/releases/download/{VERSION}/manifests.yaml"
    ),
    cluster_role="manager-role",
    process_arguments=("--config={config}",),
    health_path="/readyz",
    config_file="config/components/manager/controller_manager_config.yaml",
    config=as_process("internalCertManagement:\n  enable: false\n"),
    webhook_files=("config/components/webhook/manifests.yaml",),
    webhook_pods="jobset.sigs.k8s.io/jobset-name",
    client_arguments=("--kube-api-qps={qps}", "--kube-api-burst={burst}"),
    client_rate=Rate(qps=500, burst=500),  # api/config/v1alpha1/defaults.go
)


def part_of(pod: dict[str, Any]) -> str | None:
    """The replicated job of a pod."""
    name: str | None = pod["metadata"]["labels"].get(PART_LABEL)
    return name


def pod_name(job: JobSpec, *, part: str, index: int | str) -> str:
    """A pod's name in the cluster's DNS, as the job's pods resolve it."""
    return f"{job.name}-{part}-0-{index}.{job.name}"


def state(resource: dict[str, Any], *, success: str, parts: Iterable[dict[str, Any]]) -> JobState:
    """State from the conditions `success` and Failed, and from the readiness of the parts."""
    is_running = any(part["name"] == LAUNCHER and part.get("ready") for part in parts)
    return state_by_conditions(resource, success=(success,), is_running=is_running)
