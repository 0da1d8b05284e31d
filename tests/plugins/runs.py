"""Runs in Airflow's database, as they are after some of their tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4


def add_run(
    run_id, *, dag_id="operator_benchmark", state="success", conf=None, planned=None, task="plan"
):
    """A run in Airflow's database, with what its task `plan` returned."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import insert

    with create_session() as session:
        run = DagRun(
            dag_id=dag_id,
            run_id=run_id,
            run_type="manual",
            state=state,
            conf=conf or {},
            run_after=datetime.now(tz=UTC),
        )
        session.add(run)
        session.flush()
        session.execute(
            insert(TaskInstance).values(
                id=uuid4(),
                task_id=task,
                dag_id=dag_id,
                run_id=run_id,
                map_index=-1,
                try_number=1,
                pool="default_pool",
            )
        )
        if planned is not None:
            session.add(
                XComModel(
                    dag_run_id=run.id,
                    task_id=task,
                    map_index=-1,
                    key="return_value",
                    dag_id=dag_id,
                    run_id=run_id,
                    value=planned,
                )
            )


def add_tasks(run_id, *, dag_id="operator_benchmark", states=None, refused=None):
    """Tasks of a run with their states, and the sentence of the one that refused its study."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import insert, select

    where = {"dag_id": dag_id, "run_id": run_id, "map_index": -1}
    with create_session() as session:
        for task, state in (states or {}).items():
            values = {"id": uuid4(), "task_id": task, "state": state, **where}
            session.execute(
                insert(TaskInstance).values(try_number=1, pool="default_pool", **values)
            )
        if refused is not None:
            task, text = refused
            run = session.scalar(select(DagRun).where(DagRun.run_id == run_id))
            xcom = {"task_id": task, "key": "refused", "value": text, **where}
            session.add(XComModel(dag_run_id=run.id, **xcom))
