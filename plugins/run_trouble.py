"""Reason why a run ended without its result: its refusal, or the tasks that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select

from plugins.refusals import REFUSED

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def refusal_of(session: Session, *, dag_id: str, run_id: str) -> tuple[str, str] | None:
    """The task that refused a run and its sentences, None without a refusal."""
    row = session.execute(
        select(XComModel.task_id, XComModel.value)
        .where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == REFUSED)
        .order_by(XComModel.timestamp.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    value = XComModel.deserialize_value(row)
    return (row.task_id, value) if isinstance(value, str) else None


def failed_tasks(session: Session, *, dag_id: str, run_id: str) -> tuple[str, ...]:
    """The tasks of a run that failed by themselves, in order of their end; points only once."""
    tasks = session.scalars(
        select(TaskInstance.task_id)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.state == "failed",
        )
        .order_by(TaskInstance.end_date)
    )
    return tuple(dict.fromkeys(tasks))
