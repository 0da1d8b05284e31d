"""From what was observed of a job to its record."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError, CheckFailed, JobFailed, ParseError
from include.jobs.pod_states import own
from include.models import Record, Status
from include.models.timeline import STRETCHES, durations
from include.project import code_version
from include.redact import redact
from include.study import clocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from include.applications import Application
    from include.jobs.spec import Job
    from include.k8s_operators import K8sOperator
    from include.models import AppClock, ClusterHandle, Study, Timeline


AT_DELETION = ("delete_requested_at", "deleted_at")  # instants after the record was first stored


def measured(
    lines: Sequence[str],
    job: Job,
) -> dict[str, Any]:
    """The record's fields that come from a launcher log.

    ParseError or CheckFailed when the log cannot be trusted, JobFailed when it tells of a failure
    that the job's state hides; never a part of the fields.
    """
    try:
        job.operator.confirm_success(lines)
    except JobFailed as err:
        reasons = _reasons(lines, job)
        raise JobFailed("; ".join([*reasons, str(err)])) from err
    result = job.application.parse(lines)
    job.application.check(result, options=job.application_options, ranks=job.point.ranks)
    return {
        "figures": result.figures,
        "curves": result.curves,
        "problem": result.problem,
        "program_version": result.version,
        "launcher_time_s": job.operator.launcher_time_s(lines),
        "broker_time_s": job.operator.broker_time_s(lines),
        "launcher_version": job.operator.launcher_version(lines),
    }


def explained(
    error: BenchmarkError,
    lines: Sequence[str],
    job: Job,
) -> BenchmarkError:
    """The error of a job that ended badly or not at all, with the reasons that its log tells."""
    reasons = _reasons(lines, job)
    return type(error)("; ".join([str(error), *reasons]))


def _reasons(lines: Sequence[str], job: Job) -> list[str]:
    """The complaints of the application, then of the operator's own launcher, on a failure."""
    complaint = job.application.complaint(lines)
    own_words = f"{job.application.title} says {complaint}" if complaint else None
    reasons = [own_words, job.operator.complaint(lines)]
    return [reason for reason in reasons if reason]


def _own_times_s(application: Application, fields: dict[str, Any]) -> dict[str, float | None]:
    """Of the fields of `measured` those that say how long a part of the log took."""
    figures = fields.get("figures", {})
    own = {each.name: figures.get(each.name) for each in application.figures if each.is_run_time}
    return {**own, "launcher_time_s": fields.get("launcher_time_s")}


def status_of(error: BenchmarkError | None) -> Status:
    """`invalid` when the job ended well but its result is not to be trusted, else `failed`."""
    if error is None:
        return Status.VALID
    if isinstance(error, ParseError | CheckFailed):
        return Status.INVALID
    if isinstance(error, JobFailed):
        return Status.FAILED
    raise error


def build(
    job: Job,
    *,
    study: Study,
    handle: ClusterHandle,
    operator_version: str,
    attempt: int,
    error: BenchmarkError | None,
    times: Timeline,
    pods: Sequence[dict[str, Any]],
    manifest: str,
    log: bytes,
    fields: dict[str, Any],
    stamps: Sequence[datetime],
    app_clock: AppClock,
) -> Record:
    """The record of one attempt at a point; `fields` are those of `measured`, none on failure.

    `stamps` are those of the launcher's log.
    """
    application, problem = job.application, job.application.problem(job.application_options)
    # Simulated waiting may be shorter than the times that were drawn.
    own_times_s = _own_times_s(application, fields) if handle.time_scale == 1 else {}
    stretches, note = clocks.checked(times, stamps=stamps, own_times_s=own_times_s)
    fields = {"declared": application.figures, "problem": problem} | fields
    return Record(
        **job.point.model_dump(exclude={"points_in_study", "workers"}),
        **times.model_dump(),
        **stretches,
        **fields,
        note=note,
        attempt=attempt,
        application=study.application,
        cluster=study.cluster,
        ranks=job.point.ranks,
        status=status_of(error),
        error=redact(f"{type(error).__name__}: {error}") if error else None,
        binding=job.operator.binding(study.binding, job.operator_options),
        mpi_implementation=study.mpi_implementation,
        image=handle.image,
        image_digest=handle.image_digest or _image_digest(pods, job.operator),
        operator_version=operator_version,
        launcher_image_digest=_launcher_digest(handle, job),
        app_clock=app_clock,
        kubernetes_version=handle.kubernetes_version,
        instance_type=handle.instance_type,
        node_names=tuple(name for pod in pods if (name := pod["spec"].get("nodeName"))),
        manifest_sha256=hashlib.sha256(manifest.encode()).hexdigest(),
        log_sha256=hashlib.sha256(log).hexdigest() if log else None,
        code_version=code_version(),
        simulated=handle.simulated,
        time_scale=handle.time_scale,
        order_seed=study.seed,
    )


def _launcher_digest(handle: ClusterHandle, job: Job) -> str | None:
    return handle.launcher_image_digest if job.operator.launcher_image else None


def with_deletion(record: Record, times: Timeline) -> Record:
    """The record with the instants of its deletion and the stretches that they bound."""
    known = durations(times)
    changes = {name: getattr(times, name) for name in AT_DELETION} | {
        name: known[name] for name, stretch in STRETCHES.items() if stretch.ends in AT_DELETION
    }
    return record.model_copy(update=changes)


def _image_digest(pods: Sequence[dict[str, Any]], operator: K8sOperator) -> str | None:
    """The digest of the ranks' image that the kubelets report, when all pods agree on one."""
    digests = {
        status["imageID"].rpartition("@")[2]
        for pod in pods
        for status in own(pod, operator.container_of(pod))
        if status.get("imageID")
    }
    return digests.pop() if len(digests) == 1 else None
