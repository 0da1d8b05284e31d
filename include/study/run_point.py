"""Runs one point: create or adopt its job, follow it, record it, delete it, prove it gone.

Everything can be killed at any moment and called again: the job goes by the point's name, so a
second call finds it running and follows it to its end; a record that was stored is kept.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from include import k8s_operators
from include.errors import BenchmarkError, CheckFailed, ClusterError, JobFailed, ParseError
from include.jobs import cleanup
from include.jobs.events import events_of
from include.jobs.spec import Job, job_of
from include.jobs.watch import JobWatch
from include.k8s_operators import LABEL_STUDY
from include.kube.image_pull import PULLING
from include.models import AppClock, Record, Status, Timeline
from include.parsers import kubelet_log
from include.parsers.lines import lines_of
from include.redact import redact
from include.results import RECORD, TolerantResults
from include.study import record, timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from include.kube.client import Kube
    from include.models import ClusterHandle, Point, Study
    from include.results import Results

log = logging.getLogger(__name__)
JOB_EVENTS = "job_events.json"  # events of an operator's own launcher, if it has one
ATTEMPT_FILES = (*("manifest.yaml", "job.log", "timeline.json", "events.json", JOB_EVENTS, RECORD),)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The surroundings of a point: study, cluster and results."""

    study: Study
    handle: ClusterHandle
    kube: Kube
    results: Results
    health: Callable[[], None] | None = None  # raises what is wrong with the cluster


def run_point(point: Point, setting: Setting) -> Record:
    """The point's record, whatever became of its job.

    A valid record that is stored already is returned as it is. A failed or invalid one is kept
    under `attempts/` and the point is measured again as the next attempt, unless its job was not
    yet deleted: then the earlier call was cut off, and only the deletion is made up for.
    ClusterError and TeardownError pass through: they say nothing of the point.
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


def cancel_point(point: Point, setting: Setting) -> None:
    """Delete the point's job, running or not, and wait until it is gone."""
    operator = k8s_operators.load(point.k8s_operator)
    cleanup.delete_point(setting.kube, operator, point_id=point.point_id)


class NotStored(BenchmarkError):
    """A measurement was made, and the store did not take all of it: its record is here alone."""

    def __init__(self, message: str, *, record: Record) -> None:
        super().__init__(message)
        self.record = record


def _measure(job: Job, setting: Setting, *, attempt: int) -> Record:
    """Run the job to its end and store what it left; the job itself is still there.

    NotStored when the store fails meanwhile: no measurement is lost for that.
    """
    point, objects = job.point, job.objects()
    folder = setting.results.of_point(point.point_id)
    manifest = _manifest_text(tuple(map(job.operator.without_secrets, objects)))
    folder.write_text("manifest.yaml", manifest)
    with tempfile.TemporaryFile() as as_it_came:  # without a name: a kill leaves no secret behind
        watch = JobWatch(
            setting.kube,
            job.operator,
            name=point.point_id,
            nodes=point.nodes,
            log_file=as_it_came,
            health=setting.health,
        )
        error, completed_at = _follow(point, setting, watch=watch, objects=objects)
        as_it_came.seek(0)
        raw_log = as_it_came.read()
    stored = redact(raw_log.decode(errors="replace"))
    kept = TolerantResults(setting.results.root, [])
    folder, setting = kept.of_point(point.point_id), replace(setting, results=kept)
    folder.write_text("job.log", stored)
    events = events_of(setting.kube, point.point_id)
    folder.write_json("events.json", events)
    observed = Seen(
        job=job,
        watch=watch,
        error=error,
        completed_at=completed_at,
        log=raw_log,
        stored_log=stored,
        manifest=manifest,
        attempt=attempt,
        image_pulls=sum(event["reason"] == PULLING for event in events),
    )
    outcome = _record(setting, observed)
    if not kept.failures:  # a record is the last thing: with it, all is there
        folder.write_text(RECORD, outcome.model_dump_json(indent=2))
    if kept.failures:
        msg = f"{point} was measured, and could not be stored: {kept.failures[0]}"
        raise NotStored(msg, record=outcome) from kept.failures[0]
    return outcome


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Observations of a job that has ended."""

    job: Job
    watch: JobWatch
    error: BenchmarkError | None
    completed_at: datetime | None
    log: bytes  # raw log with the kubelet's stamps: redaction could hide a line
    stored_log: str  # redacted
    manifest: str
    attempt: int
    image_pulls: int


def _follow(
    point: Point, setting: Setting, *, watch: JobWatch, objects: tuple[dict[str, Any], ...]
) -> tuple[BenchmarkError | None, datetime | None]:
    """The end of the job: an error or none, and the instant of the resource's own condition."""
    with watch:
        try:
            for obj in objects:
                _create_or_adopt(setting.kube, obj, study_id=point.study_id)
            state = watch.wait(timeout_s=setting.study.point_timeout_s)
        except JobFailed as err:
            return err, None
        return None, state.completed_at


def _create_or_adopt(kube: Kube, obj: dict[str, Any], *, study_id: str) -> None:
    if kube.create(obj) is not None:
        return
    name = obj["metadata"]["name"]
    existing = kube.get(kube.kind_of(obj), name)
    owner = existing["metadata"].get("labels", {}).get(LABEL_STUDY) if existing else study_id
    if owner != study_id:
        msg = f"{obj['kind']} {name} exists and belongs to {owner or 'nobody'}, not to {study_id}"
        raise ClusterError(msg)
    log.info("%s %s is there already: adopted", obj["kind"], name)


def _record(setting: Setting, observed: Seen) -> Record:
    job, folder = observed.job, setting.results.of_point(observed.job.point.point_id)
    error, fields = observed.error, {}
    stamped: list[tuple[datetime, str]] = []
    try:
        stamped = [kubelet_log.split_stamp(line) for line in lines_of(observed.log)]
        texts = [text for _, text in stamped]
        if error is None:
            fields = record.measured(texts, job)
            if told := job.operator.job_events(texts):
                folder.write_json(JOB_EVENTS, told)
        else:
            error = record.explained(error, texts, job)
    except (ParseError, CheckFailed, JobFailed) as err:
        error = error or err
    # Of a simulated job the launcher tells times that were drawn, while waiting is shortened.
    real_time = setting.handle.time_scale == 1
    span = job.operator.app_span(stamped) if real_time else None
    times = _timeline(observed, stamped, span)
    folder.write_text("timeline.json", times.model_dump_json(indent=2))
    return record.build(
        job,
        study=setting.study,
        handle=setting.handle,
        operator_version=setting.results.operator_version(job.operator.name),
        attempt=observed.attempt,
        error=error,
        times=times,
        stamps=[at for at, _ in stamped],
        pods=observed.watch.rank_pods,
        manifest=observed.manifest,
        log=observed.stored_log.encode(),
        fields=fields | {"image_pulls": observed.image_pulls},
        app_clock=AppClock.LAUNCHER if span else AppClock.LOG_LINES,
    )


def _timeline(
    observed: Seen, stamped: list[tuple[datetime, str]], span: tuple[datetime, datetime] | None
) -> Timeline:
    return timeline.build(
        resource=observed.watch.resource,
        pods=observed.watch.rank_pods,
        operator=observed.job.operator,
        expected_pods=observed.job.point.nodes,
        log_lines=stamped,
        application=observed.job.application,
        completed_at=observed.completed_at,
        app_span=span,
    )


def _delete(point: Point, setting: Setting, measured: Record) -> Record:
    """Delete the job, and store the record again with how long that took."""
    operator = k8s_operators.load(point.k8s_operator)
    requested_at, gone_at = cleanup.delete_point(setting.kube, operator, point_id=point.point_id)
    folder = setting.results.of_point(point.point_id)
    times = Timeline.model_validate_json(folder.read_bytes("timeline.json"))
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
