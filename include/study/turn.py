"""One point's turn: which point is due, its run, and the note if it has no outcome."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from include import clusters, k8s_operators
from include.analysis.left_out import known_answers
from include.errors import BenchmarkError, Cancelled, ClusterError, ParseError
from include.models import LeftOut, Status
from include.models.figures import primary_of
from include.results import NOT_NEEDED, RECORD, Results
from include.study import shrink, workers
from include.study.fabric import Fabric
from include.study.losses import BY_HAND, LAST_LOSS, cancelled_by, give_up, is_tainted, note_loss
from include.study.run_point import Setting, cancel_point, run_point
from include.study.stopping import require_going
from include.study.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from include.models import ClusterHandle, Phase, Plan, Point, Record

log = logging.getLogger(__name__)

# From the pipeline's own clock, which measures the pipeline, never an operator: see include.bench.
WORK_FILE = "work.json"
NOTHING: Mapping[str, LeftOut] = MappingProxyType({})


class PointNotNeeded(BenchmarkError):
    """A point that is left out; running its task again measures it."""

    def __init__(self, point: Point, *, reason: LeftOut) -> None:
        super().__init__(f"{point} is not needed: {reason.value}")
        self.point = point


def phase_of(plan: Plan, number: int) -> Phase | None:
    """The phase of that number, None when the study has fewer."""
    return next((phase for phase in plan.phases if phase.phase == number), None)


def next_point(
    results: Results,
    phase: Phase,
    own: Point,
    *,
    not_needed: Mapping[str, LeftOut] = NOTHING,
    task: str = "",
) -> Point:
    """The first unfinished point of the phase, in planned order; otherwise `own`.

    `airflow dags test` starts mapped tasks in random order. A task that ran its own point would
    break the planned order and could measure before the warm-up, so each task takes the next due
    point; under the scheduler, which goes by index, that is the task's own.
    `not_needed` has the reasons by point id. When only such points are left, the task leaves one of
    them out by raising PointNotNeeded. Running the same task again measures that point, as somebody
    wants it; likewise for a task ended by hand in a point. A task that runs again when all is done,
    with its own point valid, measures one that was given up.
    """
    done = _outcomes(results)
    behind = [p for p in phase.points if p.point_id in done.recorded - done.lost]
    if behind and _is_cut_off(results, behind[-1]):
        return behind[-1]
    if by_hand := cancelled_by(results, task=task) if done.lost else frozenset():
        return next((point for point in phase.points if point.point_id in by_hand), own)
    if due := due_points(phase.points, done, not_needed=not_needed):
        return due[0]
    waiting = [p for p in phase.points if p.point_id in not_needed.keys() - done.left_out]
    if waiting:
        point = own if own in waiting else waiting[0]
        reason = not_needed[point.point_id]
        mark = {"task": task, "reason": reason.value}
        results.of_point(point.point_id).write_json(NOT_NEEDED, mark)
        raise PointNotNeeded(point, reason=reason)
    left_out = _left_out_by(results, phase, done, task=task)
    return left_out or _lost_instead(results, phase, own, done) or own


def due_points(
    points: Iterable[Point], done: Outcomes, *, not_needed: Collection[str]
) -> list[Point]:
    """Points still to be measured, in planned order."""
    past = done.recorded | done.lost | set(not_needed)
    return [point for point in points if point.point_id not in past]


def _left_out_by(results: Results, phase: Phase, done: Outcomes, *, task: str) -> Point | None:
    """The point that the task left out when it ran before."""
    for point in phase.points:
        if task and point.point_id in done.left_out:
            noted = results.of_point(point.point_id).read_json(NOT_NEEDED)
            if noted["task"] == task:
                return point
    return None


def _lost_instead(results: Results, phase: Phase, own: Point, done: Outcomes) -> Point | None:
    """A given-up point, for a task whose own point no longer needs a measurement."""
    lost = [point for point in phase.points if point.point_id in done.lost - done.recorded]
    record = _record(results, own) if lost else None
    return lost[0] if record is not None and record.status is Status.VALID else None


def _is_cut_off(results: Results, point: Point) -> bool:
    """True if a worker died between the record of the point and the end of its job."""
    record = _record(results, point)
    return record is not None and record.deleted_at is None


def _record(results: Results, point: Point) -> Record | None:
    with suppress(ParseError):  # a damaged file does not block other points
        return results.record(point.point_id)
    return None


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Ids of points by outcome."""

    recorded: frozenset[str]
    lost: frozenset[str]  # given up
    left_out: frozenset[str]  # not needed


def _outcomes(results: Results) -> Outcomes:
    """Outcomes of the points so far, from one listing."""
    files = results.point_files()

    def with_file(wanted: str) -> frozenset[str]:
        return frozenset(point_id for point_id, name in files if name == wanted)

    return Outcomes(
        recorded=with_file(RECORD), lost=with_file(LAST_LOSS), left_out=with_file(NOT_NEEDED)
    )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One point about to run on an existing cluster."""

    point: Point
    setting: Setting
    task: str = ""  # the task whose turn it is
    fabric: Fabric | None = None  # fabric that MPI must use; None: its own choice
    upkeep: Upkeep | None = None  # None: the cluster needs no sign of use
    _is_cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Record:
        """Run the point, blocking, and return its record, which may be a failure.

        A job that was running when a part of the cluster was lost is deleted first: it would show
        the loss rather than its operator.
        """
        point, results = self.point, self.setting.results
        log.info("point %d of %d: %s", point.order_index, point.points_in_study, point)
        self._require_health()
        if is_tainted(results, point.point_id):
            cancel_point(point, self.setting)
        started_at, earlier = datetime.now(UTC), results.record(point.point_id)
        before = self.fabric.read() if self.fabric else None
        record = run_point(point, replace(self.setting, health=self._require_health))
        is_new = earlier is None or earlier.attempt < record.attempt  # else nothing ran meanwhile
        if self.fabric and before is not None and is_new:
            record = self.fabric.confirm(point, record, results=results, before=before)
        if record != earlier:
            work = {"started_at": started_at, "finished_at": datetime.now(UTC)}
            stamps = {name: at.isoformat() for name, at in work.items()}
            results.of_point(point.point_id).write_json(WORK_FILE, stamps)
        log.info("%s: %s", point, _outcome(record))
        return record

    def cancel(self) -> None:
        """Delete the point's job."""
        self._is_cancelled.set()  # first, so that the run does not blame somebody else
        give_up(self.setting.results, self.point.point_id, task=self.task)  # now or never
        cancel_point(self.point, self.setting)

    def note_loss(self, err: Exception) -> None:
        """Note why the point has no outcome; see `losses.note`."""
        note_loss(self.setting.results, self.point.point_id, err)

    def _require_health(self) -> None:
        if self._is_cancelled.is_set():
            raise Cancelled(BY_HAND.partition(": ")[2])
        if self.upkeep is not None:
            self.upkeep.look()
        if self.setting.health is not None:
            self.setting.health()


def next_measurement(
    results: Results, handle: ClusterHandle, own: Point, *, task: str = ""
) -> Measurement:
    """The due point, with everything to run it; see `next_point`.

    Raises StudyStopped when none may start any more, PointNotNeeded when the answer is known
    without it, ParseError for a damaged file of the study, which loses `own`. Workers may have come
    after `handle` was made, so their names are read from the store. Nodes that no later point needs
    are given back first.
    """
    try:
        return _next_measurement(results, handle, own, task=task)
    except ParseError as err:
        note_loss(results, own.point_id, err)
        raise


def _next_measurement(
    results: Results, handle: ClusterHandle, own: Point, *, task: str
) -> Measurement:
    require_going(results, handle, task=task)
    handle = _as_stored(results, handle)
    plan = results.plan()
    not_needed = _not_needed(results, plan) | _impossible(results, plan, handle)
    phase = phase_of(plan, own.phase)
    point = own
    if phase is not None:
        point = next_point(results, phase, own, not_needed=not_needed, task=task)
    if shrink.is_wanted(plan, handle):  # otherwise the store is not listed a second time
        due = due_points(plan.points, _outcomes(results), not_needed=not_needed)
        shrink.give_back(results, handle, plan=plan, due=[point, *due])
    handle = workers.made_ready(results, handle, phase=phase)
    setting = _setting(results, handle, plan, point=point)
    return Measurement(
        point=point, setting=setting, task=task, fabric=Fabric(handle), upkeep=Upkeep(handle)
    )


def _as_stored(results: Results, handle: ClusterHandle) -> ClusterHandle:
    """The cluster with the workers that came, or were replaced, after the handle was made."""
    try:
        stored = results.cluster()
    except ParseError as err:  # the initial workers are most likely still there
        log.warning("%s", err)
        return handle
    return handle.model_copy(update={"worker_nodes": stored.worker_nodes}) if stored else handle


def _setting(results: Results, handle: ClusterHandle, plan: Plan, *, point: Point) -> Setting:
    """Setting for the point; an unreachable cluster counts as a loss of it."""
    cluster = clusters.load(handle.cluster)
    try:
        kube = cluster.connect(handle)
    except ClusterError as err:
        note_loss(results, point.point_id, err)
        raise
    controller = k8s_operators.load(point.k8s_operator).controller
    return Setting(
        study=plan.study,
        handle=handle,
        kube=kube,
        results=results,
        health=partial(cluster.health, handle, kube, controller),
    )


def _not_needed(results: Results, plan: Plan) -> dict[str, LeftOut]:
    """Points that no answer needs; a study that takes all its repeats reads no record for that."""
    if plan.study.repeats_min is None:
        return {}
    records, _ = results.readable_records()  # a damaged file does not block other points
    return dict.fromkeys(known_answers(plan, records), LeftOut.KNOWN)


def _impossible(results: Results, plan: Plan, handle: ClusterHandle) -> dict[str, LeftOut]:
    most = len(shrink.kept_workers(results, handle))
    return dict.fromkeys(workers.impossible(plan, handle, most=most), LeftOut.TOO_LARGE)


def _outcome(record: Record) -> str:
    if record.error:
        return f"{record.status.value}: {record.error}"
    figure = primary_of(record.declared)
    times = (
        *([f"{figure.name} {record.figures.get(figure.name)}"] if figure else []),
        f"launcher_time_s {record.launcher_time_s}",
    )
    return f"{record.status.value}, {', '.join(times)}"
