"""Writes a study's result into the note of its run, where the list of runs shows it.

A task cannot set the note of its own run: neither the task SDK nor the workers' API allows it, and
a login for each worker would be another secret. The scheduler, which has the database anyway,
tells its listeners of every run that ends (docs/adr/0012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

STUDY_DAG = "operator_benchmark"
PLANNED = "**Planned:** "
MARK = "**Result:** "  # text before it in a note was written by somebody else
MOST_CHARACTERS = 1000  # longest note in Airflow's database
FEWEST_CHARACTERS = 100  # a shorter remainder is useless


class NoteOfResult:
    """Called by the scheduler for every run of every DAG; quick for those that are not studies."""

    @hookimpl
    def on_dag_run_running(self, dag_run: DagRun) -> None:
        """Note what will run."""
        note_plan(dag_run)

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Note the study's result."""
        write_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Note the study's result, and where to read about the failure."""
        write_note(dag_run)


def write_note(dag_run: DagRun) -> None:
    """Set the note of a run that wrote a report, after anything that people wrote there."""
    from sqlalchemy.orm import object_session

    from plugins.studies import headline_of

    session = object_session(dag_run)
    if session is None:
        return
    headline = headline_of(session, dag_id=dag_run.dag_id, run_id=dag_run.run_id)
    trouble = _trouble(session, dag_run) if dag_run.state == "failed" else None
    parts = [part for part in (trouble, headline) if part]
    if parts:
        dag_run.note = with_result(dag_run.note, " ".join(parts))


def _trouble(session: Session, dag_run: DagRun) -> str | None:
    """The reason why a study did not finish: the refusal itself, or the failed task."""
    from plugins.run_trouble import failed_tasks, refusal_of
    from plugins.studies import is_study

    run = {"dag_id": dag_run.dag_id, "run_id": dag_run.run_id}
    if (refusal := refusal_of(session, **run)) is not None:
        task, text = refusal
        return f"Refused by the task {task}: {'; '.join(text.splitlines())}"
    if not is_study(session, **run):
        return None
    failed = failed_tasks(session, **run)
    if not failed:
        return None
    return f"The run failed in {', '.join(failed[:3])}; the log there says why."


def note_plan(dag_run: DagRun) -> None:
    """Note at the start what will run: the study with its preset's values, or its refusal."""
    from sqlalchemy.orm import object_session

    if dag_run.dag_id != STUDY_DAG or object_session(dag_run) is None:
        return
    from include.study.outline import outline

    dag_run.note = with_result(dag_run.note, outline(dag_run.conf or {}), mark=PLANNED)


def with_result(note: str | None, result: str, *, mark: str = MARK) -> str:
    """A note with the result at its end, cut to a note's length.

    It replaces an earlier result and plan; text written by people stays.
    """
    paragraphs = (note or "").split("\n\n")
    kept = "\n\n".join(each for each in paragraphs if not each.startswith((PLANNED, MARK)))
    kept = kept.rstrip()
    before = f"{kept}\n\n" if kept else ""
    room = MOST_CHARACTERS - len(before) - len(mark)
    if room < FEWEST_CHARACTERS:
        return note or ""
    text = result.replace("\0", "")
    return before + mark + (text if len(text) <= room else text[: room - 1] + "…")


class RunNote(AirflowPlugin):
    """Registers the listener."""

    name = "operator_benchmark_run_note"
    listeners = [NoteOfResult()]  # noqa: RUF012  as Airflow declares it
