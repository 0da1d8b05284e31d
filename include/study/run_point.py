"""Runs one point: create or adopt its job, follow it, record it, delete it, prove it gone.

Everything can be killed at any moment and called again: the job goes by the point's name, so a
second call finds it running and follows it to its end; a record that was stored is kept.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from include import applications, k8s_operators
from include.errors import CheckFailed, ClusterError, JobFailed, ParseError
from include.jobs import cleanup
from include.jobs.events import events_of
from include.jobs.spec import job_spec, operator_options
from include.jobs.watch import JobWatch
from include.k8s_operators import LABEL_STUDY
from include.kube.image_pull import PULLING
from include.models import Record, Status, Timeline
from include.parsers import kubelet_log
from include.parsers.lines import lines_of
from include.redact import redact
from include.study import record, timeline

if TYPE_CHECKING:
    from datetime import datetime

    from include.applications import Application
    from include.errors import BenchmarkError
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.models import ClusterHandle, Point, Study
    from include.results import Results

log = logging.getLogger(__name__)
JOB_EVENTS = "job_events.json"  # of an operator's own launcher, where there is one
ATTEMPT_FILES = (
    *("manifest.yaml", "job.log", "timeline.json", "events.json", JOB_EVENTS, "record.json"),
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a point is run with."""

    study: Study
    handle: ClusterHandle
    kube: Kube
    results: Results


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
        _archive(setting.results, point_id=point.point_id, attempt=earlier.attempt)
    return _delete(point, setting, _measure(point, setting, attempt=attempt))


def cancel_point(point: Point, setting: Setting) -> None:
    """Delete the point's job, running or not, and wait until it is gone."""
    operator = k8s_operators.load(point.k8s_operator)
    cleanup.delete_point(setting.kube, operator, point_id=point.point_id)


def _measure(point: Point, setting: Setting, *, attempt: int) -> Record:
    """Run the job to its end and store what it left; the job itself is still there."""
    study, results = setting.study, setting.results
    operator = k8s_operators.load(point.k8s_operator)
    objects = operator.objects(
        job_spec(point, study=study, handle=setting.handle),
        operator_options(point, study=study),
    )
    manifest = _manifest_text(tuple(map(operator.without_secrets, objects)))
    folder = f"points/{point.point_id}"
    results.write_text(f"{folder}/manifest.yaml", manifest)
    with tempfile.TemporaryFile() as as_it_came:  # without a name: a kill leaves no secret behind
        watch = JobWatch(
            setting.kube, operator, name=point.point_id, nodes=point.nodes, log_file=as_it_came
        )
        error, completed_at = _follow(point, setting, watch=watch, objects=objects)
        as_it_came.seek(0)
        whole = as_it_came.read()
    stored = redact(whole.decode(errors="replace"))
    results.write_text(f"{folder}/job.log", stored)
    events = events_of(setting.kube, point.point_id)
    results.write_json(f"{folder}/events.json", events)
    seen = Seen(
        operator=operator,
        watch=watch,
        error=error,
        completed_at=completed_at,
        log=whole,
        stored_log=stored,
        manifest=manifest,
        attempt=attempt,
        image_pulls=sum(event["reason"] == PULLING for event in events),
    )
    found = _record(point, setting, seen)
    results.write_text(f"{folder}/record.json", found.model_dump_json(indent=2))
    return found


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a job that has ended."""

    operator: K8sOperator
    watch: JobWatch
    error: BenchmarkError | None
    completed_at: datetime | None
    log: bytes  # as it came, with the kubelet's stamps: redaction could hide a line from a parser
    stored_log: str  # redacted
    manifest: str
    attempt: int
    image_pulls: int


def _follow(
    point: Point, setting: Setting, *, watch: JobWatch, objects: tuple[dict[str, Any], ...]
) -> tuple[BenchmarkError | None, datetime | None]:
    """How the job ended: an error or none, and the instant by the resource's own condition."""
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


def _record(point: Point, setting: Setting, seen: Seen) -> Record:
    application, options = applications.of_study(setting.study)
    error, fields = seen.error, {}
    stamped: list[tuple[datetime, str]] = []
    try:
        stamped = [kubelet_log.split_stamp(line) for line in lines_of(seen.log)]
        if error is None:
            texts = [text for _, text in stamped]
            fields = record.measured(
                texts,
                application=application,
                options=options,
                operator=seen.operator,
                ranks=point.ranks,
            )
            if told := seen.operator.job_events(texts):
                setting.results.write_json(f"points/{point.point_id}/{JOB_EVENTS}", told)
        else:
            texts = [text for _, text in stamped]
            error = record.explained(error, texts, application=application, operator=seen.operator)
    except (ParseError, CheckFailed, JobFailed) as err:
        error = error or err
    times = _timeline(point, setting, seen, stamped=stamped, application=application)
    return record.build(
        point,
        study=setting.study,
        handle=setting.handle,
        binding=seen.operator.binding(
            setting.study.binding, operator_options(point, study=setting.study)
        ),
        operator=seen.operator,
        operator_version=setting.results.operator_version(seen.operator.name),
        attempt=seen.attempt,
        error=error,
        times=times,
        stamps=[at for at, _ in stamped],
        pods=seen.watch.rank_pods,
        manifest=seen.manifest,
        log=seen.stored_log.encode(),
        fields=fields | {"image_pulls": seen.image_pulls},
    )


def _timeline(
    point: Point,
    setting: Setting,
    seen: Seen,
    *,
    stamped: list[tuple[datetime, str]],
    application: Application,
) -> Timeline:
    """The point's timeline, which is stored too."""
    times = timeline.build(
        resource=seen.watch.resource,
        pods=seen.watch.rank_pods,
        operator=seen.operator,
        expected_pods=point.nodes,
        log_lines=stamped,
        application=application,
        completed_at=seen.completed_at,
    )
    folder = f"points/{point.point_id}"
    setting.results.write_text(f"{folder}/timeline.json", times.model_dump_json(indent=2))
    return times


def _delete(point: Point, setting: Setting, found: Record) -> Record:
    """Delete the job, and store the record again with how long that took."""
    operator = k8s_operators.load(point.k8s_operator)
    requested_at, gone_at = cleanup.delete_point(setting.kube, operator, point_id=point.point_id)
    folder = f"points/{point.point_id}"
    times = Timeline.model_validate_json(setting.results.read_bytes(f"{folder}/timeline.json"))
    changes = {"delete_requested_at": requested_at, "deleted_at": gone_at}
    times = times.model_copy(update=changes)
    setting.results.write_text(f"{folder}/timeline.json", times.model_dump_json(indent=2))
    complete = record.with_deletion(found, times)
    setting.results.write_text(f"{folder}/record.json", complete.model_dump_json(indent=2))
    return complete


def _archive(results: Results, *, point_id: str, attempt: int) -> None:
    folder = f"points/{point_id}"
    for name in ATTEMPT_FILES:
        if results.exists(f"{folder}/{name}"):
            data = results.read_bytes(f"{folder}/{name}")
            results.write_bytes(f"{folder}/attempts/{attempt}/{name}", data)


def _manifest_text(objects: tuple[dict[str, Any], ...]) -> str:
    """The objects as YAML."""
    return yaml.safe_dump_all(objects, sort_keys=False)
