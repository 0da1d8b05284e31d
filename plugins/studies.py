"""Finds the studies of runs for the API server: in Airflow's database and in the results store.

A study's address comes from the result of its task `plan`. It is only trusted if the folder's own
`run.json` names the same run: an XCom can be edited by those who may edit its DAG, and would
otherwise open the studies of other DAGs. Studies made by another Airflow, such as the demo's, are
found by their `run.json` in the installation's own results.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import select

from include.errors import StudyError
from include.models import DnsLabel, Study, StudyOrigin
from include.regression import FOLDER, trend_models
from include.regression.settings import dag_id_of, read_nightly
from include.regression.trend_models import Trend
from include.report.pages import StudyLine, TrendLink
from include.results import Results
from include.study.address import results_root
from include.study.plan import study_id_of
from include.study.steps import Planned
from plugins.study_context import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy.orm import Session

PLAN = "plan"  # the task whose XCom names the study
REPORT = "report"  # the task whose XCom has its result
MOST_LISTED = 500
GOING = {"queued", "running"}
_LABEL: TypeAdapter[str] = TypeAdapter(DnsLabel)


class UnreadableStoreError(Exception):
    """The results cannot be read from here; the message names their place and the reason."""


class _Reported(BaseModel):
    """The part of `include.report.write.ReportSummary` needed here."""

    study_id: DnsLabel
    headline: str


def results_of(session: Session, *, dag_id: str, run_id: str) -> Results | None:
    """The results of a run, None when it has none; UnreadableStoreError."""
    for address in _addresses(session, dag_id=dag_id, run_id=run_id):
        origin = origin_at(address)
        if origin and (origin.dag_id, origin.run_id) == (dag_id, run_id):
            return Results(locate(address))
    return None


def state_of(session: Session, *, dag_id: str, run_id: str) -> str | None:
    """State of a run, None when this Airflow has no such run."""
    state = session.scalar(
        select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    )
    return str(state) if state else None


def headline_of(session: Session, *, dag_id: str, run_id: str) -> str | None:
    """The first sentence of a run's report, None without a report."""
    query = XComModel.get_many(
        run_id=run_id, dag_ids=dag_id, task_ids=REPORT, key="return_value", limit=1
    )
    row = session.scalar(query)
    if row is None:
        return None
    try:
        return _Reported.model_validate(XComModel.deserialize_value(row)).headline
    except ValidationError:  # another DAG's task of that name
        return None


def is_study(session: Session, *, dag_id: str, run_id: str) -> bool:
    """True if the run has the task that plans a study; the tab is on the runs of every DAG."""
    planning = select(TaskInstance.task_id).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == PLAN
    )
    return session.scalar(planning) is not None


def expected_address(session: Session, *, dag_id: str, run_id: str) -> str:
    """Address where the results of a run would be, from its conf."""
    conf = session.scalar(
        select(DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    )
    given = {name: value for name, value in (conf or {}).items() if name in {"name", "results"}}
    try:
        study = Study(**given)
        return f"{_root(study)}/{study_id_of(name=study.name, run_id=run_id)}"
    except (
        ValidationError,
        StudyError,
    ):  # such a study is refused; say where studies go in general
        return installation_root()


def installation_root() -> str:
    """Address of the studies that do not name another."""
    return _root(Study())


def listed(session: Session, *, may_read: Callable[[str], bool]) -> list[StudyLine]:
    """Studies of the DAGs that `may_read` allows, newest first."""
    return list(_planned_here(session, may_read=may_read))


def listed_elsewhere(
    known: Iterable[StudyLine], *, may_read: Callable[[str], bool]
) -> list[StudyLine]:
    """Readable studies of other Airflows in the installation's results; UnreadableStoreError."""
    root = installation_root()
    names = set(study_ids(root, pattern="*")) - {line.study_id for line in known}
    with ThreadPoolExecutor(16) as pool:  # an object store answers each read in 0.05 s
        origins = list(pool.map(lambda name: origin_at(f"{root}/{name}"), names))
    lines = [
        StudyLine(study_id=name, points=None, state=None, **origin.model_dump())
        for name, origin in zip(names, origins, strict=True)
        if origin and may_read(origin.dag_id)
    ]
    return sorted(lines, key=lambda line: str(line.planned_at), reverse=True)[:MOST_LISTED]


def trend_of(series: str, *, may_read: Callable[[str], bool]) -> Trend | None:
    """The nights of a series with readable runs, None before the first; UnreadableStoreError."""
    root = _root(read_nightly()[series].study)
    files = Results(locate(root) / FOLDER / series)
    try:
        trend = Trend.model_validate_json(files.read_bytes(trend_models.FILE))
    except FileNotFoundError:
        return None
    except Exception as err:
        raise unreadable(root, err) from err
    dag_ids = {point.dag_id for group in trend.groups for point in group.points}
    return trend.only({dag_id for dag_id in dag_ids if may_read(dag_id)})


def trends(*, may_read: Callable[[str], bool]) -> list[TrendLink]:
    """The series with readable nights; UnreadableStoreError."""
    return [
        TrendLink(series=series, dag_id=dag_id)
        for series in read_nightly()
        if may_read(dag_id := dag_id_of(series))
        and (trend := trend_of(series, may_read=may_read)) is not None
        and any(group.points for group in trend.groups)
    ]


def _planned_here(session: Session, *, may_read: Callable[[str], bool]) -> Iterator[StudyLine]:
    plans = (XComModel.task_id == PLAN, XComModel.key == "return_value")
    dag_ids = session.scalars(select(XComModel.dag_id).where(*plans).distinct())
    readable = [dag_id for dag_id in dag_ids if may_read(dag_id)]
    rows = session.execute(
        select(
            XComModel.dag_id, XComModel.run_id, XComModel.value, XComModel.timestamp, DagRun.state
        )
        .join(DagRun, DagRun.id == XComModel.dag_run_id)
        .where(*plans, XComModel.dag_id.in_(readable))
        .order_by(XComModel.timestamp.desc())
        .limit(MOST_LISTED)
    )
    for row in rows:
        if planned := _read_plan(row):
            yield StudyLine(
                study_id=planned.study_id,
                dag_id=row.dag_id,
                run_id=row.run_id,
                planned_at=row.timestamp,
                points=planned.points,
                state=str(row.state),
            )


def _addresses(session: Session, *, dag_id: str, run_id: str) -> Iterator[str]:
    """Possible addresses of a run's results, the likeliest first."""
    query = XComModel.get_many(
        run_id=run_id, dag_ids=dag_id, task_ids=PLAN, key="return_value", limit=1
    )
    row = session.scalar(query)
    if row is not None and (planned := _read_plan(row)):
        yield planned.results
    if state_of(session, dag_id=dag_id, run_id=run_id) is not None:
        yield expected_address(session, dag_id=dag_id, run_id=run_id)
    root = installation_root()
    for name in study_ids(root, pattern=study_id_of(name="*", run_id=run_id)):
        yield f"{root}/{name}"


def _read_plan(row: Any) -> Planned | None:
    """The result of the task `plan`, None for another DAG's task of that name."""
    try:
        planned = Planned.model_validate(XComModel.deserialize_value(row))
    except ValidationError:
        return None
    return planned if planned.results.endswith(f"/{planned.study_id}") else None


def study_ids(root: str, *, pattern: str) -> Iterator[str]:
    """Folders that may be studies by their names, from one listing of one level."""
    try:
        names = [str(path).rsplit("/", 1)[-1] for path in locate(root).glob(pattern)]
    except FileNotFoundError:
        return
    except Exception as err:
        raise unreadable(root, err) from err
    for name in names:
        if _is_label(name):
            yield name


def _is_label(name: str) -> bool:
    try:
        _LABEL.validate_python(name)
    except ValidationError:
        return False
    return True


def origin_at(address: str) -> StudyOrigin | None:
    """The run named in a folder, None for a folder without a run."""
    try:
        return Results(locate(address)).origin()
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    except Exception as err:
        raise unreadable(address, err) from err


def unreadable(address: str, err: Exception) -> UnreadableStoreError:
    """The error that names the unreadable place."""
    return UnreadableStoreError(f"{address} cannot be read by the API server: {type(err).__name__}")


def _root(study: Study) -> str:
    return results_root(study).rstrip("/")
