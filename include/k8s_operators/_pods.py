"""Pods and jobs: code shared by all operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators import LABEL_POINT, JobPhase, JobState
from include.kube.conditions import condition, known_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.k8s_operators import JobSpec

HOST_LABEL = "kubernetes.io/hostname"
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"


def batch_job_state(job: dict[str, Any]) -> JobState:
    """The state of a Job `batch/v1`, from its conditions.

    It has succeeded when its success policy is met or all its pods have succeeded; `Complete` may
    come later, when pods stopped with it are gone too.
    """
    active = job.get("status", {}).get("ready", 0)
    return state_by_conditions(
        job,
        success=("SuccessCriteriaMet", "Complete"),
        failure=("Failed", "FailureTarget"),
        is_running=bool(active),
    )


def state_by_conditions(
    resource: dict[str, Any],
    *,
    success: Sequence[str],
    failure: Sequence[str] = ("Failed",),
    is_running: bool,
) -> JobState:
    """The state of a resource from its conditions, the first true one of each kind."""
    if done := _first(resource, success):
        at = known_instant(done.get("lastTransitionTime"))
        return JobState(phase=JobPhase.SUCCEEDED, completed_at=at)
    if failed := _first(resource, failure):
        reason = f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}"
        at = known_instant(failed.get("lastTransitionTime"))
        return JobState(phase=JobPhase.FAILED, message=reason, completed_at=at)
    return JobState(phase=JobPhase.RUNNING if is_running else JobPhase.PENDING)


def _first(resource: dict[str, Any], kinds: Sequence[str]) -> dict[str, Any] | None:
    return next((true for kind in kinds if (true := condition(resource, kind))), None)


def one_per_node(job: JobSpec, *, extra_labels: dict[str, str]) -> dict[str, Any]:
    """Affinity that allows one rank pod of a job per node, and only on chosen nodes.

    `extra_labels` distinguish those pods from others of the same job.
    """
    labels = {LABEL_POINT: job.labels[LABEL_POINT], **extra_labels}
    carries_ranks = {"matchLabels": labels}
    term = {"topologyKey": HOST_LABEL, "labelSelector": carries_ranks}
    affinity: dict[str, Any] = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    }
    if job.node_names:
        chosen = {"key": HOST_LABEL, "operator": "In", "values": list(job.node_names)}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [chosen]}]}
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    return affinity


def resources(job: JobSpec) -> dict[str, Any]:
    """Requests and limits of a rank pod.

    No CPU limit: the kernel would enforce it by stopping ranks for parts of each 100 ms, and the
    measurement would show that instead of the operator.
    """
    limits = {name: amount for name, amount in job.pod_resources.items() if name != "cpu"}
    return {"requests": job.pod_resources, "limits": limits}
