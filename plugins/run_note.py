"""Writes the result of a study into the note of its run, where the list of runs shows it.

A task has no way to set the note of its own run: neither the task SDK nor the API that workers talk
to knows one, and a login for each worker would be a secret more. The scheduler, which has the
database anyway, tells its listeners of every run that ends (docs/adr/0012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

MARK = "**Result:** "  # what is before it in a note was written by somebody else
MOST_CHARACTERS = 1000  # of a note in Airflow's database
FEWEST_CHARACTERS = 100  # a shorter rest says nothing


class NoteOfResult:
    """Called by the scheduler for every run of every DAG; quick for those that are no study."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Say what the study found."""
        write_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Say what the study found, and where to read what went wrong."""
        write_note(dag_run)


def write_note(dag_run: DagRun) -> None:
    """Set the note of a run that wrote a report; what people wrote there stays in front of it."""
    from sqlalchemy.orm import object_session

    from plugins.studies import headline_of

    session = object_session(dag_run)
    if session is None:
        return
    headline = headline_of(session, dag_id=dag_run.dag_id, run_id=dag_run.run_id)
    if headline is not None:
        if dag_run.state == "failed":
            headline = f"The run failed, and the log of its task verdict says why. {headline}"
        dag_run.note = with_result(dag_run.note, headline)


def with_result(note: str | None, result: str) -> str:
    """A note with the result at its end, in place of an earlier one, cut to a note's length."""
    kept = (note or "").partition(MARK)[0].rstrip()
    before = f"{kept}\n\n" if kept else ""
    room = MOST_CHARACTERS - len(before) - len(MARK)
    if room < FEWEST_CHARACTERS:
        return note or ""
    said = result.replace("\0", "")
    return before + MARK + (said if len(said) <= room else said[: room - 1] + "…")


class RunNote(AirflowPlugin):
    """Registers the listener."""

    name = "operator_benchmark_run_note"
    listeners = [NoteOfResult()]  # noqa: RUF012  as Airflow declares it
