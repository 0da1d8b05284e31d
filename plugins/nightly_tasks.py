"""The tasks of a nightly run besides the study's own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule, chain, task
from airflow.sdk.exceptions import AirflowSkipException

from plugins.run_confirmation import RunConfirmation
from plugins.study_assets import NIGHTS
from plugins.study_pipeline import check_study, one_at_a_time, study_tasks

if TYPE_CHECKING:
    from airflow.sdk.types import DagRunProtocol as DagRun
    from airflow.sdk.types import OutletEventAccessorsProtocol as OutletEvents
    from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

    from include.models import Point

CONFIRMATION = "confirmation"
STEPS = tuple(f"{CONFIRMATION}.{step}" for step in ("install", "points", "uninstall"))


@task(trigger_rule=TriggerRule.NONE_FAILED, execution_timeout=timedelta(minutes=30))
def examine(series: str, ti: TaskInstance, dag_run: DagRun) -> None:
    """Compare tonight with the nights before; plans a confirmation if it is suspect."""
    from plugins.night_context import NightContext

    NightContext(ti, series).examine(dag_run)


@task(task_id="install", execution_timeout=timedelta(minutes=30))
def install_again(ti: TaskInstance) -> list[dict[str, Any]]:
    """Install the operators of the suspects; returns the confirmation's points."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    if (folder := study.confirmation) is None:
        raise AirflowSkipException("no suspect has to be confirmed")
    phase = folder.plan().phases[0]
    steps.install_phase(folder, study.handle, phase)
    points: tuple[Point, ...] = phase.points
    return [point.to_json() for point in points]


@task(
    task_id="uninstall",
    trigger_rule=TriggerRule.ALL_DONE,
    execution_timeout=timedelta(minutes=30),
)
def uninstall_again(ti: TaskInstance) -> None:
    """Remove the operators and verify that no pod of the confirmation is left."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    if not study.was_attempted(STEPS[0]) or (folder := study.confirmation) is None:
        raise AirflowSkipException("nothing was installed for a confirmation")
    steps.uninstall_last_phase(folder, study.handle, folder.plan().phases[0])


@task(multiple_outputs=False, outlets=[NIGHTS])
def publish(
    series: str, ti: TaskInstance, dag_run: DagRun, outlet_events: OutletEvents
) -> dict[str, Any]:
    """Write the night's outcome, and notify other DAGs; returns its news."""
    from plugins.night_context import NightContext
    from plugins.study_assets import tell_of_night

    night = NightContext(ti, series)
    published = night.publish(dag_run)
    tell_of_night(outlet_events, published, results=night.results, root=night.root)
    return published.to_json()


@task(retries=2, retry_delay=timedelta(seconds=10), execution_timeout=timedelta(minutes=5))
def notify(series: str, ti: TaskInstance) -> None:
    """Send the evidence of the news, once to each channel."""
    from plugins.night_context import NightContext

    NightContext(ti, series).notify()


@task(task_id="verdict")
def judge_night(ti: TaskInstance) -> None:
    """Fail the run for a confirmed regression, or for a broken pipeline; the error names which."""
    from include.regression.nightly import RegressionConfirmed, raise_if_confirmed
    from include.study.verdict import StudyIncomplete
    from plugins.study_context import StudyContext

    try:
        check_study(ti, may_be_skipped=STEPS)
    except StudyIncomplete as broken:
        try:
            raise_if_confirmed(StudyContext(ti).results)
        except RegressionConfirmed as err:
            raise RegressionConfirmed(f"{err}\nThe pipeline is broken too: {broken}") from broken
        raise
    raise_if_confirmed(StudyContext(ti).results)


def confirmation() -> TaskGroup:
    """Tonight's configuration against the last good one, one run at a time."""
    tip = "Only when a time is suspect: interleaved runs against the last good image"
    with TaskGroup(CONFIRMATION, tooltip=tip) as group:
        points = install_again()
        chain(points, one_at_a_time(RunConfirmation, points), uninstall_again())
    return group


def nightly_tasks(series: str) -> None:
    """All tasks of a nightly run in order, in the current DAG."""
    study_tasks(
        after_phases=[examine(series), confirmation()],
        at_end=[publish(series), notify(series)],
        verdict=judge_night(),
    )
