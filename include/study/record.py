"""Record of a job, from its observations."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError, CheckFailed, JobFailed, ParseError
from include.jobs.pod_states import own
from include.models import Record, Status
from include.models.timeline import AT_DELETION, STRETCHES, durations
from include.project import code_version
from include.redact import redact
from include.study import clocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from include.applications import Application, Measured
    from include.jobs.spec import Job
    from include.k8s_operators import K8sOperator
    from include.models import AppClock, ClusterHandle, Study, Timeline


def measured(
    lines: Sequence[str],
    job: Job,
) -> dict[str, Any]:
    """Fields of the record that come from a launcher log.

    ParseError or CheckFailed when the log cannot be trusted, JobFailed when it shows a failure that
    the job's state hides; never some of the fields.
    """
    if not any(lines):
        raise ParseError("the launcher's log is empty, though its job has ended well")
    try:
        job.operator.confirm_success(lines)
    except JobFailed as err:
        reasons = _reasons(lines, job)
        raise JobFailed("; ".join([*reasons, str(err)])) from err
    result = job.application.parse(lines)
    job.application.check(result, options=job.application_options, ranks=job.point.ranks)
    launcher_time_s, notes = _launcher_time_s(lines, job, result=result)
    return {
        "figures": result.figures,
        "curves": result.curves,
        "problem": result.problem,
        "program_version": result.version,
        "note": noted(*result.notes, *notes),
        "launcher_time_s": launcher_time_s,
        "broker_time_s": job.operator.broker_time_s(lines),
        "launcher_version": job.operator.launcher_version(lines),
    }


def _launcher_time_s(
    lines: Sequence[str], job: Job, *, result: Measured
) -> tuple[float | None, tuple[str, ...]]:
    """The launcher's time, or a note when it is shorter than what it launched."""
    launcher_s = job.operator.launcher_time_s(lines)
    for name, seconds in _run_times_s(job.application, result.figures).items():
        if seconds > launcher_s + clocks.TOLERATED_S:
            note = (
                f"{name} is {seconds:.1f} s, and the launcher says that all of it took "
                f"{launcher_s:.1f} s: launcher_time_s is left out"
            )
            return None, (note,)
    return launcher_s, ()


def explained(
    error: BenchmarkError,
    lines: Sequence[str],
    job: Job,
) -> BenchmarkError:
    """The error of a job that failed or did not end, with the reasons from its log."""
    reasons = _reasons(lines, job)
    return type(error)("; ".join([str(error), *reasons]))


def _reasons(lines: Sequence[str], job: Job) -> list[str]:
    """The complaints of the application, then of the operator's own launcher, on a failure."""
    complaint = job.application.complaint(lines)
    own_words = f"{job.application.title} says {complaint}" if complaint else None
    reasons = [own_words, job.operator.complaint(lines)]
    return [reason for reason in reasons if reason]


def noted(*notes: str | None) -> str | None:
    """All existing notes as one."""
    return "; ".join(filter(None, notes)) or None


def _own_times_s(application: Application, fields: Mapping[str, Any]) -> dict[str, float | None]:
    """Fields of `measured` that are durations of a part of the log."""
    launcher = {"launcher_time_s": fields.get("launcher_time_s")}
    return {**_run_times_s(application, fields.get("figures", {})), **launcher}


def _run_times_s(application: Application, figures: Mapping[str, float]) -> dict[str, float]:
    """Figures of an application that are durations of a part of its log."""
    names = (each.name for each in application.figures if each.is_run_time)
    return {name: figures[name] for name in names if name in figures}


def status_of(error: BenchmarkError | None) -> Status:
    """`invalid` when the job succeeded but its result cannot be trusted, otherwise `failed`."""
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
    # Simulated waiting may be shorter than the drawn times.
    own_times_s = _own_times_s(application, fields) if handle.time_scale == 1 else {}
    stretches, note = clocks.checked(times, stamps=stamps, own_times_s=own_times_s)
    fields = {"declared": application.figures, "problem": problem} | fields
    fields["note"] = noted(fields.get("note"), note)
    return Record(
        **job.point.model_dump(exclude={"points_in_study", "workers"}),
        **times.model_dump(),
        **stretches,
        **fields,
        attempt=attempt,
        application=study.application,
        cluster=study.cluster,
        ranks=job.point.ranks,
        status=status_of(error),
        error=redact(f"{type(error).__name__}: {error}") if error else None,
        binding=job.operator.binding(study.binding, job.operator_options),
        mpi_implementation=study.mpi_implementation,
        image=job.spec.image,
        image_digest=_known_digest(handle, job) or _image_digest(pods, job.operator),
        operator_version=operator_version,
        workarounds=job.operator.workarounds(job.spec),
        launcher_image_digest=_launcher_digest(handle, job),
        app_clock=app_clock,
        kubernetes_version=handle.kubernetes_version,
        instance_type=handle.instance_type,
        node_names=tuple(name for pod in pods if (name := pod.get("spec", {}).get("nodeName"))),
        manifest_sha256=hashlib.sha256(manifest.encode()).hexdigest(),
        log_sha256=hashlib.sha256(log).hexdigest() if log else None,
        code_version=code_version(),
        simulated=handle.simulated,
        time_scale=handle.time_scale,
        order_seed=study.seed,
    )


def _known_digest(handle: ClusterHandle, job: Job) -> str | None:
    """The digest that the cluster knows of the job's image; None for a variant's own."""
    is_the_clusters = job.spec.image == handle.image or handle.simulated
    return handle.image_digest if is_the_clusters else None


def _launcher_digest(handle: ClusterHandle, job: Job) -> str | None:
    return handle.launcher_image_digest if job.operator.launcher_image else None


def with_deletion(record: Record, times: Timeline) -> Record:
    """The record with the instants of its deletion and the stretches they bound."""
    known = durations(times)
    changes = {name: getattr(times, name) for name in AT_DELETION} | {
        name: known[name] for name, stretch in STRETCHES.items() if stretch.ends in AT_DELETION
    }
    return record.model_copy(update=changes)


def _image_digest(pods: Sequence[dict[str, Any]], operator: K8sOperator) -> str | None:
    """The digest of the ranks' image reported by the kubelets, if all pods agree."""
    digests = {
        status["imageID"].rpartition("@")[2]
        for pod in pods
        for status in own(pod, operator.container_of(pod))
        if status.get("imageID")
    }
    return digests.pop() if len(digests) == 1 else None
