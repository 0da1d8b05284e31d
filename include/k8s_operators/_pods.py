"""Code about pods and jobs that all operators share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.k8s_operators import LABEL_POINT, JobPhase, JobState
from include.kube.conditions import condition, instant

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec

HOST_LABEL = "kubernetes.io/hostname"
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"


def batch_job_state(job: dict[str, Any]) -> JobState:
    """The state of a Job `batch/v1` by its conditions.

    It has succeeded when its success policy is met or all its pods have; `Complete` may come
    later, when pods that are stopped with it are gone too.
    """
    if met := condition(job, "SuccessCriteriaMet") or condition(job, "Complete"):
        at = instant(met["lastTransitionTime"])
        return JobState(phase=JobPhase.SUCCEEDED, completed_at=at)
    if failed := condition(job, "Failed") or condition(job, "FailureTarget"):
        reason = f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}"
        at = instant(failed["lastTransitionTime"])
        return JobState(phase=JobPhase.FAILED, message=reason, completed_at=at)
    active = job.get("status", {}).get("ready", 0)
    return JobState(phase=JobPhase.RUNNING if active else JobPhase.PENDING)


def one_per_node(job: JobSpec, *, extra_labels: dict[str, str]) -> dict[str, Any]:
    """Affinity that puts no two rank-carrying pods of a job on one node, and on chosen nodes only.

    `extra_labels` tell those pods from others of the same job.
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
    """Requests and limits of a rank-carrying pod.

    No limit on CPU: the kernel would enforce it by stopping ranks for parts of each 100 ms, and
    the measurement would show that instead of the operator.
    """
    limits = {name: amount for name, amount in job.pod_resources.items() if name != "cpu"}
    return {"requests": job.pod_resources, "limits": limits}
