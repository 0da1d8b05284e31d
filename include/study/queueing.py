"""The queue of a study: made with the first job's operators, asked about each job, and removed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include import clusters, k8s_operators, waiting
from include.errors import BenchmarkError, CheckFailed, ClusterError, JobFailed, TeardownError
from include.jobs import controllers
from include.k8s_operators import _kueue
from include.kube.conditions import condition
from include.models import Queue
from include.results import operator_file

if TYPE_CHECKING:
    from datetime import datetime

    from include.jobs.spec import Job
    from include.kube.client import Kube
    from include.models import ClusterHandle, Phase, Point, Study
    from include.results import Results

log = logging.getLogger(__name__)
FILE = "queue"  # its version, beside those of the operators
ACTIVE_S = 30.0
GONE_S = 60.0
POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Admission:
    """A queue's answer to one job."""

    admitted_at: datetime | None = None
    version: str | None = None  # None: the job had no queue
    error: BenchmarkError | None = None  # of the job, with what the queue said


def install(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Install Kueue and make the study's queue, if jobs of the phase have one; stores its version.

    ClusterError when the queue takes no job.
    """
    study = results.plan().study
    if not controllers.has_queue(study, phase.operators):
        return
    cluster = clusters.load(handle.cluster)
    version = f"Kueue {cluster.install(handle, _kueue.CONTROLLER)}"
    queue = _kueue.objects(
        study_id=handle.study_id,
        namespace=handle.namespace,
        pod_resources=study.pod_resources,
        nodes=max(study.nodes),  # room for the largest job, and for no other beside it
    )
    make(cluster.administer(handle), queue)
    results.write_json(operator_file(FILE), {"operator": FILE, "version": version})
    log.info("%s is installed, its queue is %s", version, handle.study_id)


def make(kube: Kube, objects: tuple[dict[str, Any], ...]) -> None:
    """Make a queue, and wait until it takes jobs; ClusterError when it does not."""
    for obj in objects:
        kube.apply(obj)
    name = objects[-1]["metadata"]["name"]
    for _ in waiting.looks(limit_s=ACTIVE_S, poll_s=POLL_S):
        queue = kube.get(_kueue.LOCAL_QUEUE, name) or {}
        if condition(queue, "Active"):
            return
    raise ClusterError(f"Kueue's queue {name} takes no job: {queue.get('status')}")


def remove(handle: ClusterHandle, phase: Phase, *, study: Study) -> None:
    """Remove the study's queue, which has no job any more; TeardownError when it stays."""
    if not controllers.has_queue(study, phase.operators):
        return
    delete(clusters.load(handle.cluster).administer(handle), handle.study_id)


def delete(kube: Kube, name: str) -> None:
    """Delete a queue and wait until it is gone; TeardownError when it stays."""
    for kind in _kueue.KINDS:
        kube.delete(kind, name)
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        left = [kind.kind for kind in _kueue.KINDS if kube.get(kind, name)]
        if not left:
            return
    raise TeardownError(f"still there after {GONE_S:.0f} s: {', '.join(left)} {name}")


def admission(kube: Kube, job: Job, results: Results, *, error: BenchmarkError | None) -> Admission:
    """The queue's answer to a job that has ended with this error or none.

    A job that ran although no queue admitted it is not valid: it was not what was asked for.
    """
    if job.queue is Queue.NONE:
        return Admission(error=error)
    workload = _kueue.workload_of(kube.list(_kueue.WORKLOAD).items, name=job.spec.name)
    at = _kueue.admitted_at(workload) if workload else None
    if at is None and error is None:
        error = CheckFailed("the job ran without being admitted by Kueue: do its webhooks answer?")
    elif at is None and isinstance(error, JobFailed):
        told = _kueue.complaint(workload) if workload else "it made no Workload of the job"
        error = type(error)(f"{error}; Kueue says: {told}")
    return Admission(admitted_at=at, version=results.operator_version(FILE), error=error)


def forget(kube: Kube, point: Point, study: Study) -> None:
    """Delete the Workload of a job that is gone: until then it may hold the queue's room.

    Kubernetes' garbage collector would do it, up to half a minute later.
    """
    operator = k8s_operators.load(point.k8s_operator)
    chosen = operator.variants(study.options_of(operator.name))[point.variant]
    if operator.arm_options(chosen).queue is Queue.NONE:
        return
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        workload = _kueue.workload_of(kube.list(_kueue.WORKLOAD).items, name=point.point_id)
        if workload is None:
            return
        kube.delete(_kueue.WORKLOAD, workload["metadata"]["name"])
    raise TeardownError(f"the Workload of {point.point_id} is still there after {GONE_S:.0f} s")
