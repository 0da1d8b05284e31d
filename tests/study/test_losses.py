"""Points that were lost with their cluster, and when a study stops for it."""

import pytest

from include.errors import ClusterError, PartDied
from include.results import Results
from include.study.losses import is_tainted, losses, note_loss
from include.study.stopping import why_stopped

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
    note_loss(results, "p3", ValueError("no error of the cluster"))
    assert why_stopped(results) is None


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
