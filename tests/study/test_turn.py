"""Which point is due, whatever the order in which Airflow starts its tasks."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from include import clusters
from include.errors import ClusterError
from include.models import Phase, Status
from include.results import Results
from include.study import turn, upkeep
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


def test_all_that_were_given_up_are_measured_when_all_tasks_are_cleared(results):
    setting = Setting(study=None, handle=None, kube=None, results=results)
    for _ in range(2):
        Measurement(point=POINTS[0], setting=setting).note_loss(ValueError("lost"))
    run = []
    for own in POINTS:
        run.append(next_point(results, PHASE, own))
        store(results, run[-1])
    assert set(run) == set(POINTS)


def test_an_invalid_point_is_its_own_tasks_again_though_another_was_given_up(results):
    setting = Setting(study=None, handle=None, kube=None, results=results)
    for _ in range(2):
        Measurement(point=POINTS[0], setting=setting).note_loss(ValueError("lost"))
    for point in POINTS[1:]:
        store(results, point, status=Status.INVALID)
    assert next_point(results, PHASE, POINTS[1]) == POINTS[1]


def test_a_run_is_announced_and_its_outcome_told(results, monkeypatch, caplog):
    setting = Setting(study=None, handle=None, kube=None, results=results)
    monkeypatch.setattr(turn, "run_point", lambda point, _: record_of(point))
    with caplog.at_level("INFO", "include"):
        Measurement(point=POINTS[1], setting=setting).run()
    assert caplog.messages == [
        "point 2 of 2: fake_a 1 node repeat 2",
        "fake_a 1 node repeat 2: valid, loop_time_s 1.25, launcher_time_s 1.5",
    ]


def test_cluster_is_said_to_be_in_use_while_a_point_runs(results, monkeypatch):
    asked = []
    kept = SimpleNamespace(look=lambda: asked.append("kept"))
    setting = Setting(study=None, handle=None, kube=None, results=results)

    def run(point, given):
        for _ in range(3):
            given.health()
        return record_of(point)

    monkeypatch.setattr(turn, "run_point", run)
    Measurement(point=POINTS[1], setting=setting, upkeep=kept).run()
    assert asked == ["kept"] * 4  # and once before


def test_keeping_a_cluster_that_fails_is_told_and_tried_again(monkeypatch, caplog):
    calls = []

    class Cluster:
        def keep(self, handle):
            calls.append(handle.cluster)
            if len(calls) == 1:
                raise ClusterError("AWS has a bad minute")

    now = [0.0]
    monkeypatch.setattr(clusters, "load", lambda _: Cluster())
    monkeypatch.setattr(upkeep.time, "monotonic", lambda: now[0])
    kept = upkeep.Upkeep(SimpleNamespace(cluster="eks"))
    for now[0] in (1.0, 599.0, 601.0, 659.0, 662.0, 1200.0, 1263.0):
        kept.look()
    assert calls == ["eks"] * 3
    assert "AWS has a bad minute" in caplog.text


def test_a_point_that_was_ended_by_hand_is_its_own_tasks_again_and_nobody_elses(
    results, monkeypatch
):
    monkeypatch.setattr(turn, "cancel_point", lambda *_: None)
    setting = Setting(study=None, handle=None, kube=None, results=results)
    Measurement(point=POINTS[0], setting=setting, task="points_0").cancel()
    assert next_point(results, PHASE, POINTS[1], task="points_1") == POINTS[1]
    assert next_point(results, PHASE, POINTS[0], task="points_0") == POINTS[0]


def test_cancel_deletes_the_job(results, monkeypatch):
    cancelled = []
    monkeypatch.setattr(turn, "cancel_point", lambda point, _: cancelled.append(point))
    setting = Setting(study=None, handle=None, kube=None, results=results)
    Measurement(point=POINTS[1], setting=setting).cancel()
    assert cancelled == [POINTS[1]]
