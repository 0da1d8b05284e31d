"""One point's turn: which point is due, its run, and what is noted when it has no outcome."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from include import clusters, k8s_operators
from include.errors import BenchmarkError, Cancelled, ClusterError, ParseError
from include.models.figures import primary_of
from include.results import RECORD, Results
from include.study import shrink, workers
from include.study.fabric import Fabric
from include.study.losses import LAST_LOSS, is_tainted, note_loss
from include.study.run_point import Setting, cancel_point, run_point
from include.study.stopping import require_going

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.models import ClusterHandle, Phase, Plan, Point, Record

log = logging.getLogger(__name__)

# By the pipeline's own clock, which measures the pipeline and never an operator: see include.bench.
WORK_FILE = "work.json"
NOT_NEEDED = "not_needed.json"  # mark of a point that was left out, with the task that did so


class PointNotNeeded(BenchmarkError):
    """The answer is known without the point; whoever runs its task again measures it."""


def phase_of(plan: Plan, number: int) -> Phase | None:
    """The phase of that number, None when the study has fewer."""
    return next((phase for phase in plan.phases if phase.phase == number), None)


def next_point(
    results: Results,
    phase: Phase,
    own: Point,
    *,
    not_needed: frozenset[str] = frozenset(),
    task: str = "",
) -> Point:
    """The first point of the phase, in planned order, that is not done with; else `own`.

    `airflow dags test` starts mapped tasks in random order. A task that ran its own point would
    break the planned order and could measure before the warm-up. So a task takes the next point
    that is due; the scheduler goes by index, where that is the task's own.

    When only points are left that are not needed, the task leaves one of them out, which raises
    PointNotNeeded. The same task, run again, gets that point: somebody wants it measured.
    """
    done = _outcomes(results)
    behind = [p for p in phase.points if p.point_id in done.recorded - done.lost]
    if behind and _is_cut_off(results, behind[-1]):
        return behind[-1]
    if due := due_points(phase.points, done, not_needed=not_needed):
        return due[0]
    waiting = [p for p in phase.points if p.point_id in not_needed - done.left_out]
    if waiting:
        _leave_out(results, own if own in waiting else waiting[0], task=task)
    return _left_out_by(results, phase, done, task=task) or own


def due_points(
    points: Iterable[Point], done: Outcomes, *, not_needed: frozenset[str]
) -> list[Point]:
    """Points that are to be measured yet, in the planned order."""
    past = done.recorded | done.lost | not_needed
    return [point for point in points if point.point_id not in past]


def _leave_out(results: Results, point: Point, *, task: str) -> NoReturn:
    results.of_point(point.point_id).write_json(NOT_NEEDED, {"task": task})
    raise PointNotNeeded(f"{point} is not needed: the answer at its size is known")


def _left_out_by(results: Results, phase: Phase, done: Outcomes, *, task: str) -> Point | None:
    """The point that the task left out when it ran before."""
    for point in phase.points:
        if task and point.point_id in done.left_out:
            noted = json.loads(results.of_point(point.point_id).read_bytes(NOT_NEEDED))
            if noted["task"] == task:
                return point
    return None


def _is_cut_off(results: Results, point: Point) -> bool:
    """True if a worker died between the record of the point and the end of its job."""
    try:
        record = results.record(point.point_id)
    except ParseError:  # a damaged file keeps no other point from its turn
        return False
    return record is not None and record.deleted_at is None


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Ids of points by what became of them."""

    recorded: frozenset[str]
    lost: frozenset[str]  # given up
    left_out: frozenset[str]  # not needed


def _outcomes(results: Results) -> Outcomes:
    """Outcomes of the points so far; from one listing."""
    files = results.point_files()

    def with_file(wanted: str) -> frozenset[str]:
        return frozenset(point_id for point_id, name in files if name == wanted)

    return Outcomes(
        recorded=with_file(RECORD), lost=with_file(LAST_LOSS), left_out=with_file(NOT_NEEDED)
    )


def left_out(results: Results) -> frozenset[str]:
    """Ids of the points that were left out and have no record."""
    done = _outcomes(results)
    return done.left_out - done.recorded


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One point about to be run on a cluster that exists."""

    point: Point
    setting: Setting
    fabric: Fabric | None = None  # fabric that MPI must use; None: its own choice
    _is_cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Record:
        """Run the point, blocking, and return its record, which may say that it failed.

        A job that was at work when a part of the cluster was lost is deleted first: what it tells
        of its operator would be the loss.
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
        self._is_cancelled.set()  # before, as the run must not take it for somebody else's deed
        cancel_point(self.point, self.setting)

    def note_loss(self, err: Exception) -> None:
        """Note why the point has no outcome; see `losses.note`."""
        note_loss(self.setting.results, self.point.point_id, err)

    def _require_health(self) -> None:
        if self._is_cancelled.is_set():
            raise Cancelled("the run was stopped by hand while the point was measured")
        if self.setting.health is not None:
            self.setting.health()


def next_measurement(
    results: Results, handle: ClusterHandle, own: Point, *, task: str = ""
) -> Measurement:
    """The point that is due, with what it takes to run it; see `next_point`.

    Raises StudyStopped when none may be begun any more, PointNotNeeded when the answer is known
    without it. Workers may have come after `handle` was made, so their names are taken from where
    they are stored. Nodes that no later point needs are given back first.
    """
    require_going(results, handle)
    if stored := results.cluster():
        handle = handle.model_copy(update={"worker_nodes": stored.worker_nodes})
    plan = results.plan()
    not_needed = _not_needed(results, plan) | workers.impossible(plan, handle)
    phase = phase_of(plan, own.phase)
    point = own
    if phase is not None:
        point = next_point(results, phase, own, not_needed=not_needed, task=task)
    if shrink.is_wanted(plan):  # else the store is not listed a second time
        due = due_points(plan.points, _outcomes(results), not_needed=not_needed)
        shrink.give_back(results, handle, plan=plan, due=[point, *due])
    handle = workers.made_ready(results, handle, plan=plan, phase=phase)
    setting = _setting(results, handle, plan, point=point)
    return Measurement(point=point, setting=setting, fabric=Fabric(handle))


def _setting(results: Results, handle: ClusterHandle, plan: Plan, *, point: Point) -> Setting:
    """What it takes to run the point; a cluster that cannot be reached is a loss of it."""
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


def _not_needed(results: Results, plan: Plan) -> frozenset[str]:
    """Points that no answer needs; a study that takes all its repeats reads no record for that."""
    if plan.study.repeats_min is None:
        return frozenset()
    from include.analysis import adaptive  # noqa: PLC0415  numpy takes a while to load

    return adaptive.not_needed(plan, results.records())


def _outcome(record: Record) -> str:
    if record.error:
        return f"{record.status.value}: {record.error}"
    figure = primary_of(record.declared)
    times = (
        *([f"{figure.name} {record.figures.get(figure.name)}"] if figure else []),
        f"launcher_time_s {record.launcher_time_s}",
    )
    return f"{record.status.value}, {', '.join(times)}"
