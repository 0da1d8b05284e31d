"""The Airflow operator of a point: what it hands on, and how it ends."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.errors import ClusterError
from include.models import Point, Record, Status
from include.regression import confirmation_run
from include.results import Results
from include.study import turn
from include.study.losses import Loss, losses
from include.study.stopping import StudyStopped
from plugins.run_confirmation import RunConfirmation
from plugins.run_point import RunPoint, name_of


@pytest.fixture
def points(results):
    (phase,) = results.plan().phases
    return [point.to_json() for point in phase.points]


def operator_of(point):
    return RunPoint(task_id="points", point=point)


def test_a_valid_point_returns_its_record_as_json(ti, points, results, journal):
    returned = operator_of(points[0]).execute({"ti": ti})
    assert Record.model_validate(returned) == results.record(points[0]["point_id"])
    assert returned["status"] == Status.VALID
    assert ti.pushed == {}  # the returned value is what Airflow keeps
    assert journal()[-1] == "point 1"


def test_the_point_that_runs_is_the_next_one_due_whichever_task_starts(ti, points, journal):
    first = operator_of(points[1]).execute({"ti": ti})
    second = operator_of(points[0]).execute({"ti": ti})
    assert [first["order_index"], second["order_index"]] == [1, 2]
    assert journal()[-2:] == ["point 1", "point 2"]


def test_the_grid_shows_the_point_that_ran(ti, points):
    context = {"ti": ti}
    operator_of(points[1]).execute(context)
    assert context["point_name"] == "fake_a · 2 nodes · warm-up 1"


@pytest.mark.parametrize(
    ("nodes", "is_warmup", "name"),
    [(1, False, "fake_a · 1 node · 1"), (2, True, "fake_a · 2 nodes · warm-up 1")],
)
def test_a_point_is_named_as_a_reader_would(points, nodes, is_warmup, name):
    point = Point.model_validate(points[0] | {"nodes": nodes, "is_warmup": is_warmup})
    assert name_of(point) == name


@pytest.mark.parametrize("kind", [RunPoint, RunConfirmation])
def test_no_point_of_a_stopped_study_is_begun_nor_tried_again(
    ti, points, journal, monkeypatch, kind
):
    def refuse(*_, **__):
        raise StudyStopped("its time to live of 4 h has passed (ttl_hours)")

    monkeypatch.setattr(turn, "require_going", refuse)
    monkeypatch.setattr(confirmation_run, "next_confirmation", turn.next_measurement)
    with pytest.raises(AirflowFailException, match="not begun, as the study is stopped: its time"):
        kind(task_id="points", point=points[0]).execute({"ti": ti})
    assert not [line for line in journal() if line.startswith("point")]


@pytest.mark.parametrize("outcome", ["failed", "invalid"])
def test_a_record_that_is_not_valid_is_handed_on_before_the_task_fails(
    ti, points, options, outcome
):
    ti.xcoms["wait_ready"]["options"]["points"] = {"1": outcome}
    with pytest.raises(AirflowFailException) as failed:
        operator_of(points[0]).execute({"ti": ti})
    record = Record.model_validate(ti.pushed["return_value"])
    assert record.status is Status(outcome)
    assert str(failed.value) == f"fake_a 2 nodes warm-up 1 is {outcome}: {record.error}"


def test_an_outcome_that_is_unknown_is_noted_and_left_to_the_retry(ti, points, results):
    ti.xcoms["wait_ready"]["options"]["points"] = {"1": "crash"}
    with pytest.raises(ClusterError):
        operator_of(points[0]).execute({"ti": ti})
    assert losses(results) == {
        points[0]["point_id"]: "ClusterError: no answer from the fake API server"
    }
    assert set(ti.pushed) == {"loss"}
    lost = Loss.model_validate(ti.pushed["loss"])
    assert (lost.point_id, lost.is_of_cluster) == (points[0]["point_id"], True)
    assert lost.reason == "ClusterError: no answer from the fake API server"


def test_a_loss_of_which_the_store_takes_no_note_is_handed_over(ti, points, results, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Results, "write_bytes", full)
    monkeypatch.setattr(turn, "run_point", full)
    with pytest.raises(OSError, match="No space"):
        operator_of(points[0]).execute({"ti": ti})
    assert losses(results) == {}
    assert ti.pushed["loss"]["reason"] == "OSError: [Errno 28] No space left on device"
    ti.handed_over["loss"] = [None, ti.pushed.pop("loss")]
    with pytest.raises(AirflowFailException, match="stopped: the results cannot be stored: .*28"):
        operator_of(points[1]).execute({"ti": ti})
    assert ti.pushed == {}  # it was not begun


def test_a_kill_deletes_the_job_of_the_point_that_runs(ti, points, monkeypatch):
    cancelled = []
    monkeypatch.setattr(turn, "cancel_point", lambda point, _: cancelled.append(point))
    operator = operator_of(points[1])

    def killed(point, _setting):
        operator.on_kill()
        raise KeyboardInterrupt

    monkeypatch.setattr(turn, "run_point", killed)
    with pytest.raises(KeyboardInterrupt):
        operator.execute({"ti": ti})
    assert cancelled == [Point.model_validate(points[0])]


def test_a_kill_before_the_point_is_chosen_deletes_nothing(points, monkeypatch):
    monkeypatch.setattr(turn, "cancel_point", lambda *_: pytest.fail("nothing runs"))
    operator_of(points[0]).on_kill()
