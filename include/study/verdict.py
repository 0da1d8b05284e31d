"""The verdict on a run: every point measured, and nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import BenchmarkError
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from include.models import Plan, Point, Record

SUCCESS = "success"
SKIPPED = "skipped"
FAILED = "failed"
POINTS = ".points"
EACH = 3  # number of points listed singly when lost for one reason
SHOWN = 20  # maximum points or tasks named in one line
INSTALL, UNINSTALL = ".install", ".uninstall"
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
    damaged: Iterable[str] = (),
) -> None:
    """Raise StudyIncomplete, one line per problem, unless the study is complete.

    `losses` has the reason by point id why a point has no record. `states` has the state of each
    task by its id, with `_<map index>` appended for a mapped one. A cancelled run shows as skipped
    tasks. `not_needed` are the ids of points left out because the answer was known without them.
    `stopped` is why the study ended before its last point, None when it did not. `unreadable` has
    the fault of a stored record by point id, `damaged` those of other files of the study.
    """
    by_id = {record.point_id: record for record in records}
    problems = [] if stopped is None else [f"the study was stopped before its end: {stopped}"]
    problems += damaged
    problems += _task_problems(states, may_be_skipped, left_out=len(not_needed))
    never_run = []
    lost: dict[str, list[Point]] = {}
    for point in plan.points:
        name, record = point.point_id, by_id.get(point.point_id)
        if complaint := (unreadable or {}).get(name):
            problems.append(f"{_name(point)}: {complaint}")
        elif record is not None:
            problems += _of_record(point, record, losses)
        elif name in not_needed:
            continue
        elif name in losses:
            lost.setdefault(losses[name], []).append(point)
        else:
            never_run.append(name)
    for reason, points in lost.items():
        problems += _lost(points, reason)
    if never_run:
        problems.append(_never_run(never_run, states))
    _points_that_failed(states, problems)
    if problems:
        raise StudyIncomplete("\n".join(problems))


def _of_record(point: Point, record: Record, losses: Mapping[str, str]) -> list[str]:
    if record.status != Status.VALID:
        return [f"{_name(point)} is {record.status.value}: {record.error}"]
    if record.deleted_at is None and (loss := losses.get(point.point_id)):
        return [f"the job of {_name(point)} could not be deleted: {loss}"]
    return []


def _lost(points: Sequence[Point], reason: str) -> list[str]:
    """A line for each point, or a single one where many were lost for one reason."""
    if len(points) <= EACH:
        return [f"{_name(point)} was lost: {reason}" for point in points]
    ids = _listed([point.point_id for point in points])
    return [f"{len(points)} points were lost: {reason}; they are {ids}"]


def _never_run(points: Collection[str], states: Mapping[str, str | None]) -> str:
    """A line on points without a record or a loss, and tasks whose logs may say more."""
    failed = [task for task, state in sorted(states.items()) if state == FAILED and POINTS in task]
    hint = f"; the logs of {_listed(failed)} say more" if failed else ""
    return f"{len(points)} points were never run: {_listed(points)}{hint}"


def _listed(names: Collection[str]) -> str:
    """The first names of a long list, in one line."""
    return ", ".join([*list(names)[:SHOWN], *(["…"] if len(names) > SHOWN else [])])


def _name(point: Point) -> str:
    return f"point {point.order_index} of {point.points_in_study} ({point}, {point.point_id})"


def _task_problems(
    states: Mapping[str, str | None], may_be_skipped: Collection[str], *, left_out: int
) -> list[str]:
    """One line per failed task except points, and one if tasks were skipped without need.

    As many tasks of points may be skipped as points were left out.
    """
    failed = [t for t, state in sorted(states.items()) if state == FAILED and POINTS not in t]
    problems = [f"task {task} failed{_advice(task)}" for task in failed]
    stopped = [
        task
        for task, state in sorted(states.items())
        if state == SKIPPED and task not in may_be_skipped and not _had_nothing_to_do(task, states)
    ]
    of_points = [task for task in stopped if POINTS in task]
    stopped = [task for task in stopped if task not in of_points[:left_out]]
    if stopped:
        problems.append(f"the run was stopped by hand before {_listed(stopped)}")
    return problems


def _had_nothing_to_do(task: str, states: Mapping[str, str | None]) -> bool:
    """True for an uninstall that skipped itself, as nothing was installed."""
    phase, _, step = task.partition(".")
    return f".{step}" == UNINSTALL and states.get(f"{phase}{INSTALL}") not in {SUCCESS, FAILED}


def _points_that_failed(states: Mapping[str, str | None], problems: list[str]) -> None:
    """Add problems that no record shows: failed tasks although all else looks well."""
    if problems:
        return
    wrong = [t for t, state in sorted(states.items()) if state not in {SUCCESS, SKIPPED}]
    problems += [f"task {task} is {states[task]}; its log says why" for task in wrong]


def _advice(task: str) -> str:
    advice = ADVICE.get(task.rsplit(".", 1)[-1])
    return f": {advice}" if advice else "; its log says why"
