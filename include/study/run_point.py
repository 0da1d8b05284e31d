"""Runs one point: create or adopt its job, follow it, record it, delete it, verify it is gone.

Everything can be killed at any moment and called again: the job has the point's name, so a second
call finds it running and follows it to its end; a stored record is kept.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from include import k8s_operators
from include.errors import BenchmarkError, CheckFailed, ClusterError, JobFailed, ParseError
from include.jobs import cleanup, creation
from include.jobs.events import events_of
from include.jobs.pulls import pulls_in
from include.jobs.spec import Job, job_of
from include.jobs.watch import JobWatch
from include.k8s_operators import LABEL_STUDY
from include.kube import log_text
from include.kube.guarded import GuardedKube
from include.models import AppClock, Record, Status, Timeline
from include.parsers import kubelet_log
from include.parsers.lines import lines_of
from include.redact import redact
from include.results import RECORD, TolerantResults
from include.study import controller_versions, queueing, record
from include.study.timeline import ObservedJob, RankPods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.models import ClusterHandle, Point, Study
    from include.results import Results

log = logging.getLogger(__name__)
JOB_EVENTS = "job_events.json"  # events of an operator's own launcher, if it has one
INSTANTS = tuple(Timeline.model_fields)  # a record has each of them
ATTEMPT_FILES = (*("manifest.yaml", "job.log", "timeline.json", "events.json", JOB_EVENTS, RECORD),)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The surroundings of a point: study, cluster and results."""

    study: Study
    handle: ClusterHandle
    kube: Kube
    results: Results
    health: Callable[[], None] | None = None  # raises any problem of the cluster


def run_point(point: Point, setting: Setting) -> Record:
    """The point's record, whatever the outcome of its job.

    A stored valid record is returned unchanged. A failed or invalid one is kept under `attempts/`
    and the point is measured again as the next attempt, unless its job was not yet deleted: then
    the earlier call was interrupted, and only the deletion is completed. ClusterError and
    TeardownError pass through: they say nothing about the point.
    """
    earlier = setting.results.record(point.point_id)
    if earlier is not None and earlier.deleted_at is None:
        return _delete(point, setting, earlier)
    if earlier is not None and earlier.status is Status.VALID:
        log.info("%s is recorded already", point)
        return earlier
    attempt = 1
    if earlier is not None:
        attempt = earlier.attempt + 1
        _archive(setting.results.of_point(point.point_id), attempt=earlier.attempt)
    job = job_of(point, study=setting.study, handle=setting.handle)
    return _delete(point, setting, _measure(job, setting, attempt=attempt))


def cancel_point(point: Point, setting: Setting) -> tuple[datetime | None, datetime]:
    """Delete the point's job, running or not; the server's clock then and when it was gone."""
    operator = k8s_operators.load(point.k8s_operator)
    with _guarded(setting) as kube:
        instants = cleanup.delete_point(
            kube, operator, point_id=point.point_id, health=setting.health
        )
        queueing.forget(kube, point, setting.study)
    return instants


@contextmanager
def _guarded(setting: Setting) -> Iterator[Kube]:
    """The patient client for single requests; no dead part of the cluster keeps one waiting."""
    with closing(GuardedKube(setting.kube, setting.health or (lambda: None))) as kube:
        yield kube


class NotStored(BenchmarkError):
    """A measurement that the store did not fully accept: its record exists only here."""

    def __init__(self, message: str, *, record: Record) -> None:
        super().__init__(message)
        self.record = record


def _measure(job: Job, setting: Setting, *, attempt: int) -> Record:
    """Run the job to its end and store what it left; the job itself still exists.

    NotStored when the store fails: the measurement is not lost for that.
    """
    point, objects = job.point, job.objects()
    version = _version(point, setting)  # before there is a measurement
    folder = setting.results.of_point(point.point_id)
    manifest = _manifest_text(tuple(map(job.operator.without_secrets, objects)))
    folder.write_text("manifest.yaml", manifest)
    with tempfile.TemporaryFile() as as_it_came:  # unnamed: a kill leaves no secret behind
        watch = JobWatch(
            setting.kube,
            job.operator,
            name=point.point_id,
            nodes=point.nodes,
            log_file=as_it_came,
            health=setting.health,
        )
        admission, completed_at = _follow(job, setting, watch=watch, objects=objects)
        as_it_came.seek(0)
        raw_log = as_it_came.read()
    stored = redact(log_text.marked(raw_log, watch.log_gaps).decode(errors="replace"))
    kept = TolerantResults(setting.results.root, [])
    folder, setting = kept.of_point(point.point_id), replace(setting, results=kept)
    folder.write_text("job.log", stored)
    events = _events(point, setting, since=watch.created_at)
    folder.write_json("events.json", events or [])
    observed = Observed(
        job=job,
        watch=watch,
        admission=admission,
        completed_at=completed_at,
        log=raw_log,
        stored_log=stored,
        manifest=manifest,
        attempt=attempt,
        operator_version=version,
        image_pulls=pulls_in(events, job=job, pods=watch.pods),
    )
    outcome = _record(setting, observed)
    if not kept.failures:  # the record comes last: with it, everything is there
        folder.write_text(RECORD, outcome.model_dump_json(indent=2))
    if kept.failures:
        msg = f"{point} was measured, and could not be stored: {kept.failures[0]}"
        raise NotStored(msg, record=outcome) from kept.failures[0]
    return outcome


def _version(point: Point, setting: Setting) -> str:
    """The version of the operator that runs now, for this point."""
    with _guarded(setting) as kube:
        return controller_versions.made_to_run(
            point, study=setting.study, handle=setting.handle, kube=kube, results=setting.results
        )


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Observations of a job that has ended."""

    job: Job
    watch: JobWatch
    admission: queueing.Admission  # with the job's error
    completed_at: datetime | None
    log: bytes  # raw log with the kubelet's timestamps: redaction could hide a line
    stored_log: str  # redacted
    manifest: str
    attempt: int
    operator_version: str
    image_pulls: int | None


def _events(point: Point, setting: Setting, *, since: str | None) -> list[dict[str, Any]] | None:
    """The cluster's events about the job; None if unavailable: they are only extra."""
    try:
        with _guarded(setting) as kube:
            return events_of(kube, point.point_id, since=since)
    except ClusterError as err:
        log.warning("%s: the events about its job cannot be had: %s", point, err)
        return None


def _follow(
    job: Job, setting: Setting, *, watch: JobWatch, objects: tuple[dict[str, Any], ...]
) -> tuple[queueing.Admission, datetime | None]:
    """The job's admission and its error, and the instant of the resource's own condition."""
    with watch:
        try:
            for obj in objects:
                _create_or_adopt(watch.asking, job.operator, obj, study_id=job.point.study_id)
            state = watch.wait(timeout_s=setting.study.point_timeout_s)
            error, completed_at = None, state.completed_at
        except JobFailed as err:
            error, completed_at = err, None
        admission = queueing.admission(watch.asking, job, setting.results, error=error)
    return admission, completed_at


def _create_or_adopt(
    kube: Kube, operator: K8sOperator, obj: dict[str, Any], *, study_id: str
) -> None:
    if creation.create(kube, operator, obj) is not None:
        return
    name = obj["metadata"]["name"]
    existing = kube.get(kube.kind_of(obj), name)
    owner = existing["metadata"].get("labels", {}).get(LABEL_STUDY) if existing else study_id
    if owner != study_id:
        msg = f"{obj['kind']} {name} exists and belongs to {owner or 'nobody'}, not to {study_id}"
        raise ClusterError(msg)
    log.info("%s %s is there already: adopted", obj["kind"], name)


def _record(setting: Setting, observed: Observed) -> Record:
    job, folder = observed.job, setting.results.of_point(observed.job.point.point_id)
    error, queue, fields = observed.admission.error, observed.admission.version, {}
    stamped: list[tuple[datetime, str]] = []
    try:
        stamped = [kubelet_log.split_stamp(line) for line in lines_of(observed.log)]
        texts = [text for _, text in stamped]
        if error is None:
            fields = record.measured(texts, job)
            if events := job.operator.job_events(texts):
                folder.write_json(JOB_EVENTS, events)
        else:
            error = record.explained(error, texts, job)
    except ParseError as err:  # an incomplete log says nothing about its author
        error = error or ParseError("; ".join([str(err), *observed.watch.log_doubts]))
    except (CheckFailed, JobFailed) as err:
        error = error or err
    span = job.operator.app_span(stamped, time_scale=setting.handle.time_scale)
    times = _timeline(observed, stamped, span)
    folder.write_text("timeline.json", times.model_dump_json(indent=2))
    note = record.noted(fields.get("note"), *map(str, observed.watch.log_gaps))
    return record.build(
        job,
        study=setting.study,
        handle=setting.handle,
        operator_version=observed.operator_version,
        attempt=observed.attempt,
        error=error,
        times=times,
        stamps=[at for at, _ in stamped],
        pods=observed.watch.rank_pods,
        manifest=observed.manifest,
        log=observed.stored_log.encode(),
        fields=fields | {"image_pulls": observed.image_pulls, "note": note, "queue": queue},
        app_clock=AppClock.LAUNCHER if span else AppClock.LOG_LINES,
    )


def _timeline(
    observed: Observed,
    stamped: list[tuple[datetime, str]],
    span: tuple[datetime, datetime] | None,
) -> Timeline:
    job, watch = observed.job, observed.watch
    pods = RankPods(pods=watch.rank_pods, operator=job.operator, expected=job.point.nodes)
    return ObservedJob(
        resource=watch.resource,
        pods=pods,
        log_lines=stamped,
        application=job.application,
        completed_at=observed.completed_at,
        app_span=span,
        admitted_at=observed.admission.admitted_at,
    ).timeline()


def _delete(point: Point, setting: Setting, measured: Record) -> Record:
    """Delete the job, and store the record again with the time that took."""
    requested_at, gone_at = cancel_point(point, setting)
    folder = setting.results.of_point(point.point_id)
    times = Timeline.model_validate({name: getattr(measured, name) for name in INSTANTS})
    changes = {"delete_requested_at": requested_at, "deleted_at": gone_at}
    times = times.model_copy(update=changes)
    folder.write_text("timeline.json", times.model_dump_json(indent=2))
    complete = record.with_deletion(measured, times)
    folder.write_text(RECORD, complete.model_dump_json(indent=2))
    return complete


def _archive(folder: Results, *, attempt: int) -> None:
    for name in ATTEMPT_FILES:
        if folder.exists(name):
            folder.write_bytes(f"attempts/{attempt}/{name}", folder.read_bytes(name))


def _manifest_text(objects: tuple[dict[str, Any], ...]) -> str:
    """The objects as YAML."""
    return yaml.safe_dump_all(objects, sort_keys=False)
