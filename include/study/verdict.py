"""The verdict on a run: every point measured, and nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import BenchmarkError
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from include.models import Plan, Point, Record

SUCCESS = "success"
SKIPPED = "skipped"
FAILED = "failed"
POINTS = ".points"
SHOWN = 20  # of many points or tasks, in one line
UNINSTALL = ".uninstall"
ADVICE = {
    "destroy": "the cluster may still be there and cost money; remove it by hand",
    "uninstall": "the phases after it were not run, as conditions would not have been the same",
}


class StudyIncomplete(BenchmarkError):
    """A study ended without a valid record for every point, or left something behind."""


def judge(
    plan: Plan,
    *,
    records: Iterable[Record],
    losses: Mapping[str, str],
    states: Mapping[str, str | None],
    may_be_skipped: Collection[str] = (),
    not_needed: Collection[str] = (),
    stopped: str | None = None,
    unreadable: Mapping[str, str] | None = None,
) -> None:
    """Raise StudyIncomplete, one line per problem, unless the study is whole.

    `losses` says by point id why a point has no record. `states` holds the state of each task by
    its id, with `_<map index>` behind a mapped one. A run that is cancelled shows as skipped tasks.
    `not_needed` are the ids of points that were left out, as the answer is known without them.
    `stopped` is why the study ended before its last point, None when it did not. `unreadable` says
    by point id what is wrong with a stored record.
    """
    by_id = {record.point_id: record for record in records}
    problems = [] if stopped is None else [f"the study was stopped before its end: {stopped}"]
    problems += _task_problems(states, may_be_skipped, left_out=len(not_needed))
    never_run = []
    for point in plan.points:
        record = by_id.get(point.point_id)
        if record is None and point.point_id in not_needed:
            continue
        if complaint := (unreadable or {}).get(point.point_id):
            problems.append(f"{_name(point)}: {complaint}")
        elif record is None and point.point_id not in losses:
            never_run.append(point.point_id)
        elif record is None:
            problems.append(f"{_name(point)} was lost: {losses[point.point_id]}")
        elif record.status != Status.VALID:
            problems.append(f"{_name(point)} is {record.status.value}: {record.error}")
        elif record.deleted_at is None and (loss := losses.get(point.point_id)):
            problems.append(f"the job of {_name(point)} could not be deleted: {loss}")
    if never_run:
        problems.append(_never_run(never_run, states))
    _points_that_failed(states, problems)
    if problems:
        raise StudyIncomplete("\n".join(problems))


def _never_run(points: Collection[str], states: Mapping[str, str | None]) -> str:
    """The points without a record or a loss, and the tasks whose logs may say more."""
    shown = [*list(points)[:SHOWN], *(["…"] if len(points) > SHOWN else [])]
    failed = [task for task, state in sorted(states.items()) if state == FAILED and POINTS in task]
    told = f"; the logs of {', '.join(failed[:SHOWN])} say more" if failed else ""
    return f"{len(points)} points were never run: {', '.join(shown)}{told}"


def _name(point: Point) -> str:
    return f"point {point.order_index} of {point.points_in_study} ({point}, {point.point_id})"


def _task_problems(
    states: Mapping[str, str | None], may_be_skipped: Collection[str], *, left_out: int
) -> list[str]:
    """One line per failed task, points apart, and one if tasks were skipped without need.

    As many tasks of points may be skipped as points were left out.
    """
    failed = [t for t, state in sorted(states.items()) if state == FAILED and POINTS not in t]
    problems = [f"task {task} failed{_advice(task)}" for task in failed]
    # An uninstall skips itself when nothing was installed.
    stopped = [
        task
        for task, state in sorted(states.items())
        if state == SKIPPED and task not in may_be_skipped and not task.endswith(UNINSTALL)
    ]
    of_points = [task for task in stopped if POINTS in task]
    stopped = [task for task in stopped if task not in of_points[:left_out]]
    if stopped:
        problems.append(f"the run was stopped by hand before {', '.join(stopped)}")
    return problems


def _points_that_failed(states: Mapping[str, str | None], problems: list[str]) -> None:
    """Add what no record tells: states that are not success although all looks well."""
    if problems:
        return
    wrong = [t for t, state in sorted(states.items()) if state not in {SUCCESS, SKIPPED}]
    problems += [f"task {task} is {states[task]}; its log says why" for task in wrong]


def _advice(task: str) -> str:
    advice = ADVICE.get(task.rsplit(".", 1)[-1])
    return f": {advice}" if advice else "; its log says why"
