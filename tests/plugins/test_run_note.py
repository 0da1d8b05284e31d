"""The note of a run: the result, behind what people wrote, within what a note may have."""

from __future__ import annotations

import itertools

import pytest

from plugins.run_note import MARK, MOST_CHARACTERS, PLANNED, NoteOfResult, with_result
from tests.plugins.runs import add_run, add_tasks

REPORTED = {"study_id": "demo-1", "headline": "Both are fast.", "valid": 4}
_numbers = itertools.count()


def test_a_run_without_a_note_gets_the_result():
    assert with_result(None, "Both are fast.") == f"{MARK}Both are fast."


def test_what_somebody_wrote_stays_in_front():
    noted = with_result("New driver.", "Both are fast.")
    assert noted == f"New driver.\n\n{MARK}Both are fast."


def test_a_later_result_takes_the_place_of_an_earlier_one():
    once = with_result("New driver.", "One is fast.")
    assert with_result(once, "Both are fast.") == with_result("New driver.", "Both are fast.")


def test_the_result_takes_the_place_of_what_was_planned_and_leaves_what_people_wrote():
    noted = f"New driver.\n\n{PLANNED}16 points.\n\nSwitch replaced."
    assert with_result(noted, "Both are fast.") == (
        f"New driver.\n\nSwitch replaced.\n\n{MARK}Both are fast."
    )


@pytest.mark.parametrize("before", [None, "x" * 500])
def test_a_long_result_is_cut_to_what_the_database_takes(before):
    noted = with_result(before, "y" * 5000)
    assert len(noted) == MOST_CHARACTERS
    assert noted.endswith("y…")


def test_a_note_that_leaves_no_room_stays_as_it_is():
    assert with_result("x" * 950, "Both are fast.") == "x" * 950


def test_what_a_database_refuses_is_left_out():
    assert with_result(None, "a\0b") == f"{MARK}ab"


@pytest.fixture
def ended(airflow_home):
    """A function that ends a run as the scheduler does, and returns the note that it then has."""

    def end(state, *, reported, note=None, states=None, refused=None, **run):
        run_id = f"note-{next(_numbers)}"
        add_run(run_id, state=state, planned=reported, task="report", **run)
        add_tasks(run_id, states=states, refused=refused)
        query = select(DagRun).where(DagRun.run_id == run_id)
        with create_session() as session:
            run = session.scalar(query)
            run.note = note
            run.notify_dagrun_state_changed(msg="test")
        with create_session() as session:
            return session.scalar(query).note

    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    return end


def test_airflow_is_told_the_result_of_a_run(ended):
    assert ended("success", reported=REPORTED) == f"{MARK}Both are fast."
    assert ended("success", reported=REPORTED, note="Mine.") == f"Mine.\n\n{MARK}Both are fast."


def test_a_failed_run_names_the_task_that_failed(ended):
    text = "The run failed in verdict; the log there says why. Both are fast."
    states = {"plan": "success", "verdict": "failed"}
    assert ended("failed", reported=REPORTED, states=states) == MARK + text


def test_a_refused_run_tells_the_reason_itself(ended):
    refused = ("plan", "nodes: must be 1 or more\nnode: there is no such field")
    text = "Refused by the task plan: nodes: must be 1 or more; node: there is no such field"
    assert ended("failed", reported=None, refused=refused, states={"plan": "failed"}) == MARK + text


def test_the_note_says_from_the_start_what_will_run(ended):
    note = ended("running", reported=None, conf={"preset": "rehearsal", "repeats": 2})
    assert note.startswith(
        f"{PLANNED}mpi_operator, flux_operator on 8, 16, 32, 64 nodes of the cluster simulated "
        "(preset rehearsal sets"
    )
    assert "given instead of its own: repeats 2" in note


def test_the_note_of_a_study_that_will_be_refused_says_so_at_once(ended):
    note = ended("running", reported=None, conf={"max_usd": -5})
    assert "will be refused: max_usd: must be 0 or more" in note


def test_runs_of_other_dags_get_no_plan(ended):
    assert ended("running", reported=None, dag_id="reap_clusters") is None


@pytest.mark.parametrize("reported", [None, "text", {"headline": "no study"}])
def test_runs_without_a_report_and_of_other_dags_get_no_note(ended, reported):
    assert ended("success", reported=reported) is None


def test_a_run_that_is_in_no_session_is_left_alone():
    from airflow.models.dagrun import DagRun

    run = DagRun(dag_id="d", run_id="r")
    NoteOfResult().on_dag_run_success(run)
    assert run.note is None
