from __future__ import annotations

import pytest

from include.models import Phase, Plan, Point, Status, Study
from include.study.verdict import StudyIncomplete, judge
from tests.fakes.points import record_of


def make_point(index, **more):
    base = {
        "point_id": f"p{index}",
        "study_id": "s",
        "k8s_operator": "fake_a",
        "nodes": 1,
        "ranks_per_node": 1,
        "repeat": index,
        "is_warmup": False,
        "phase": 1,
        "block": 1,
        "order_index": index,
        "points_in_study": 2,
    }
    return Point(**base | more)


POINTS = (make_point(1), make_point(2))
PLAN = Plan(
    study_id="s",
    study=Study(),
    phases=(Phase(phase=1, operators=("fake_a",), points=POINTS),),
)
VALID = tuple(record_of(point) for point in POINTS)
GOOD = {"plan": "success", "phase_1.points_0": "success", "phase_1.points_1": "success"}


def problems(*, records=VALID, losses=None, states=None, may_be_skipped=(), not_needed=()):
    try:
        judge(
            PLAN,
            records=records,
            losses=losses or {},
            states=GOOD | (states or {}),
            may_be_skipped=may_be_skipped,
            not_needed=not_needed,
        )
    except StudyIncomplete as err:
        return str(err).splitlines()
    return []


def test_all_valid_is_good():
    assert problems() == []


def test_a_failed_point_is_named_once_with_its_error():
    records = (VALID[0], record_of(POINTS[1], status=Status.FAILED))
    assert problems(records=records, states={"phase_1.points_1": "failed"}) == [
        "point 2 of 2 (fake_a 1 node repeat 2, p2) is failed: the fake job was told to be failed"
    ]


def test_a_lost_point_has_its_reason_and_one_never_run_its_name():
    found = problems(records=(), losses={"p1": "no answer"})
    assert found[0].endswith("p1) was lost: no answer")
    assert found[1] == "1 points were never run: p2"


def test_points_that_are_not_needed_and_their_skipped_tasks_are_no_problem():
    skipped = {"phase_1.points_1": "skipped"}
    assert problems(records=VALID[:1], states=skipped, not_needed=["p2"]) == []


def test_more_skipped_tasks_than_points_that_are_not_needed_mean_a_stop_by_hand():
    skipped = {"phase_1.points_0": "skipped", "phase_1.points_1": "skipped"}
    found = problems(records=(), states=skipped, not_needed=["p2"])
    assert found[0].startswith("the run was stopped by hand before phase_1.points_1")
    assert found[1] == "1 points were never run: p1"


@pytest.mark.parametrize("task", ["destroy", "report", "phase_1.install", "phase_1.uninstall"])
def test_a_failed_task_is_named(task):
    (found,) = problems(states={task: "failed"})
    assert found.startswith(f"task {task} failed")


def test_phases_that_the_study_does_not_have_may_be_skipped():
    states = {"phase_2.install": "skipped"}
    assert problems(states=states, may_be_skipped=["phase_2.install"]) == []
    assert "stopped by hand" in problems(states=states)[0]


@pytest.mark.parametrize("state", ["failed", "upstream_failed", "removed", None])
def test_a_point_task_that_is_not_green_is_named_even_with_valid_records(state):
    (found,) = problems(states={"phase_1.points_1": state})
    assert found.startswith(f"task phase_1.points_1 is {state}")


@pytest.mark.parametrize(
    ("install", "told"),
    [("success", ["the run was stopped by hand before phase_1.uninstall"]), ("skipped", None)],
)
def test_a_run_that_is_stopped_in_its_last_point_says_so(install, told):
    states = {"phase_1.install": install, "phase_1.uninstall": "skipped"}
    lines = problems(states=states, may_be_skipped=["phase_1.install"])
    assert lines == (told or [])


def test_a_run_that_is_stopped_before_many_tasks_names_the_first_of_them():
    states = {f"phase_1.points_{number:03}": "skipped" for number in range(2, 999)}
    (line,) = problems(states=states)
    assert line.startswith("the run was stopped by hand before phase_1.points_002, ")
    assert line.endswith(", …")
    assert len(line) < 600


def test_many_points_that_are_lost_for_one_reason_are_one_line():
    points = tuple(make_point(number) for number in range(1, 31))
    plan = Plan(
        study_id="s",
        study=Study(),
        phases=(Phase(phase=1, operators=("fake_a",), points=points),),
    )
    losses = {point.point_id: "ParseError: plan.json cannot be read" for point in points}
    with pytest.raises(StudyIncomplete) as raised:
        judge(plan, records=(), losses=losses, states={})
    (line,) = str(raised.value).splitlines()
    assert line.startswith("30 points were lost: ParseError: plan.json cannot be read; they are p1")
    assert line.endswith("p20, …")
