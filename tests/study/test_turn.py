"""Which point is due, whatever the order in which Airflow starts its tasks."""

from __future__ import annotations

import itertools

import pytest

from include.models import Phase, Status
from include.results import Results
from include.study import turn
from include.study.losses import losses
from include.study.run_point import Setting
from include.study.turn import Measurement, next_point
from tests.fakes.points import record_of
from tests.study.test_verdict import make_point

POINTS = tuple(make_point(index) for index in (1, 2, 3))
PHASE = Phase(phase=1, operators=("fake_a",), points=POINTS)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def store(results, point, **more):
    record = record_of(point, **more)
    results.write_json(f"points/{point.point_id}/record.json", record.to_json())
    results.write_json(f"points/{point.point_id}/timeline.json", {})


@pytest.mark.parametrize("started", list(itertools.permutations(POINTS)))
def test_any_order_of_tasks_gives_the_planned_order_of_points(results, started):
    run = []
    for own in started:
        point = next_point(results, PHASE, own)
        run.append(point)
        store(results, point)
    assert run == list(POINTS)


def test_a_failed_point_has_its_turn_once(results):
    store(results, POINTS[0], status=Status.FAILED)
    assert next_point(results, PHASE, POINTS[0]) == POINTS[1]


def test_with_all_recorded_a_task_gets_its_own_point(results):
    for point in POINTS:
        store(results, point)
    assert next_point(results, PHASE, POINTS[1]) == POINTS[1]


def test_a_point_whose_job_was_not_deleted_comes_first(results):
    store(results, POINTS[0], deleted_at=None)
    assert next_point(results, PHASE, POINTS[1]) == POINTS[0]


def test_a_point_is_given_up_after_the_second_loss(results):
    setting = Setting(study=None, handle=None, kube=None, results=results)
    due = Measurement(point=POINTS[0], setting=setting)
    due.note_loss(ValueError("first"))
    assert next_point(results, PHASE, POINTS[1]) == POINTS[0]
    due.note_loss(ValueError("second"))
    assert next_point(results, PHASE, POINTS[1]) == POINTS[1]
    assert losses(results) == {"p1": "ValueError: second"}


def test_a_run_is_announced_and_its_outcome_told(results, monkeypatch, caplog):
    setting = Setting(study=None, handle=None, kube=None, results=results)
    monkeypatch.setattr(turn, "run_point", lambda point, _: record_of(point))
    with caplog.at_level("INFO", "include"):
        Measurement(point=POINTS[1], setting=setting).run()
    assert caplog.messages == [
        "point 2 of 2: fake_a 1 node repeat 2",
        "fake_a 1 node repeat 2: valid, loop_time_s 1.25, launcher_time_s 1.5",
    ]


def test_cancel_deletes_the_job(results, monkeypatch):
    cancelled = []
    monkeypatch.setattr(turn, "cancel_point", lambda point, _: cancelled.append(point))
    setting = Setting(study=None, handle=None, kube=None, results=results)
    Measurement(point=POINTS[1], setting=setting).cancel()
    assert cancelled == [POINTS[1]]
