"""Points that were lost with their cluster, and when a study stops for it."""

import pytest

from include.errors import Cancelled, ClusterError, ParseError, PartDied
from include.results import Results
from include.study.losses import (
    cancelled_by,
    give_up,
    is_tainted,
    loss_of,
    losses,
    note_loss,
    store_handed_over,
)
from include.study.run_point import NotStored
from include.study.stopping import StudyStopped, lift, why_stopped

DEAD = PartDied("kube-scheduler of the cluster on this machine has died: the end of its log")


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def test_two_losses_in_a_row_by_one_cause_stop_the_study(results):
    note_loss(results, "p1", DEAD)
    assert why_stopped(results) is None
    again = PartDied("kube-scheduler of the cluster on this machine has died: another end")
    note_loss(results, "p2", again)
    assert "two runs in a row were lost by one cause" in why_stopped(results)
    assert "kube-scheduler" in why_stopped(results)


def test_losses_by_two_causes_do_not_stop_it(results):
    note_loss(results, "p1", DEAD)
    note_loss(results, "p1", ClusterError("no answer from http://127.0.0.1: refused"))
    note_loss(results, "p2", ValueError("no error of the cluster"))
    note_loss(results, "p3", ValueError("another error"))
    assert why_stopped(results) is None


def test_a_fault_of_one_point_alone_does_not_stop_the_study_and_one_of_two_does(results):
    plan = ParseError("plan.json cannot be read (the file: EOF); move it away")
    note_loss(results, "p1", plan)
    note_loss(results, "p1", plan)
    assert why_stopped(results) is None
    note_loss(results, "p2", plan)
    assert "by one cause: plan.json cannot be read" in why_stopped(results)


def test_points_that_were_ended_by_hand_in_a_row_do_not_stop_the_study(results):
    for point in ("p1", "p2"):
        note_loss(results, point, Cancelled("the run was stopped by hand"))
    assert why_stopped(results) is None


def test_two_measurements_in_a_row_that_cannot_be_stored_stop_the_study(results):
    full = OSError(28, "No space left on device")
    for text in ("mpi_operator 2 nodes repeat 1", "mpi_operator 2 nodes repeat 2"):
        assert why_stopped(results) is None
        err = NotStored(f"{text} was measured, and could not be stored: {full}", record=None)
        err.__cause__ = full
        note_loss(results, "p1", err)
    assert "No space left on device" in why_stopped(results)


def test_what_a_full_store_did_not_take_is_noted_once_it_takes_something(results, monkeypatch):
    lost = loss_of("p1", OSError(28, "No space left on device"))

    def full(*_):
        raise OSError(28, "No space left on device")

    store_handed_over(results, ())  # nothing was lost: the store is not touched
    with monkeypatch.context() as patched:
        patched.setattr(Results, "write_bytes", full)
        with pytest.raises(StudyStopped, match="the results cannot be stored: .* No space left"):
            store_handed_over(results, [lost])
    store_handed_over(results, [lost])
    store_handed_over(results, [lost])  # it is noted, and so it is one loss and not two
    assert losses(results) == {"p1": "OSError: [Errno 28] No space left on device"}
    assert why_stopped(results) is None
    assert [name for _, name in results.point_files()] == ["loss-1.json"]


def test_a_point_that_was_measured_after_its_loss_ends_the_row(results):
    note_loss(results, "p1", DEAD)
    results.write_text("points/p1/record.json", "{}")
    note_loss(results, "p2", DEAD)
    assert why_stopped(results) is None


def test_a_job_that_was_at_work_while_the_cluster_was_lost_is_tainted(results):
    note_loss(results, "p1", DEAD)
    note_loss(results, "p2", ValueError("the worker's own"))
    assert is_tainted(results, "p1")
    assert not is_tainted(results, "p2")
    results.write_text("points/p1/record.json", "{}")
    assert not is_tainted(results, "p1")
    assert losses(results)["p1"].startswith("PartDied: kube-scheduler")


def test_a_store_that_takes_nothing_stops_the_study_and_hides_no_error(results, monkeypatch):
    note_loss(results, "p1", OSError(28, "No space left on device"))
    assert "the results cannot be stored: " in why_stopped(results)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Results, "write_bytes", full)
    note_loss(results, "p2", OSError(28, "No space left on device"))


def test_a_point_that_was_ended_by_hand_is_given_up_and_belongs_to_its_task(results):
    give_up(results, "p1", task="phase_1.points_0")
    assert losses(results) == {
        "p1": "Cancelled: the run was stopped by hand while the point was measured"
    }
    assert is_tainted(results, "p1")  # its job may still be on its way out
    assert cancelled_by(results, task="phase_1.points_0") == {"p1"}
    assert cancelled_by(results, task="phase_1.points_1") == frozenset()
    assert cancelled_by(results, task="") == frozenset()
    results.write_text("points/p1/record.json", "{}")
    assert cancelled_by(results, task="phase_1.points_0") == frozenset()


def test_a_loss_before_a_study_was_resumed_is_not_in_a_row_with_one_after_it(results):
    note_loss(results, "p1", DEAD)
    note_loss(results, "p2", DEAD)
    lift(results)
    note_loss(results, "p3", DEAD)
    assert why_stopped(results) is None
    note_loss(results, "p3", DEAD)
    assert "kube-scheduler" in why_stopped(results)
