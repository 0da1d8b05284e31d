"""The tasks of one study and their dependencies, for every DAG that runs studies."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule, chain, setup, task
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException

from include import k8s_operators
from include.models.study import LONGEST_POINT_S
from plugins.alarm import alarm, channels
from plugins.approval import AskWhenWanted
from plugins.refusals import AGAIN, REFUSED, shown_on_the_run
from plugins.run_point import RunPoint
from plugins.study_assets import STUDIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import XComArg
    from airflow.sdk.definitions.mappedoperator import MappedOperator
    from airflow.sdk.types import DagRunProtocol as DagRun
    from airflow.sdk.types import OutletEventAccessorsProtocol as OutletEvents
    from airflow.sdk.types import RuntimeTaskInstanceProtocol as TaskInstance

log = logging.getLogger(__name__)
PHASE_STEPS = ("install", "points", "uninstall")
POINT_TIME_LIMIT = timedelta(seconds=LONGEST_POINT_S + 900)
TURN_EVERY = timedelta(seconds=30)  # interval at which a waiting study looks again
PLANNED = "ti.xcom_pull(task_ids='plan')"
APPROVAL = f"""\
{{{{ {PLANNED}['summary'] }}}}

```
{{{{ ti.xcom_pull(task_ids='preflight')['text'] }}}}
```
"""


def phases() -> range:
    """Numbers of the phases: at most one per operator, as a DAG has the same tasks in every run."""
    return range(1, len(k8s_operators.available()) + 1)


# Annotated as a dict, the result would become one XCom per key.
@task(multiple_outputs=False, **AGAIN)
def plan(params: dict[str, Any], ti: TaskInstance, dag_run: DagRun) -> dict[str, Any]:
    """Check the study and store its plan; returns the points by phase."""
    from airflow.sdk import conf

    from include.study import steps
    from plugins.study_context import locate

    with shown_on_the_run(ti):
        channels()  # alert channels must be valid before there is a cluster
        return steps.plan_study(
            params,
            conf=dag_run.conf or {},
            run_id=ti.run_id,
            dag_id=ti.dag_id,
            locate=locate,
            most_phases=len(phases()),
            most_points=conf.getint("core", "max_map_length"),
        ).to_json()


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=15), **AGAIN)
def preflight(ti: TaskInstance) -> dict[str, Any]:
    """Check if the cluster can be made and what the study will cost; returns the estimate.

    If another study has a cluster that takes one at a time, this one waits for its end.
    """
    from include.study.preflight import preflight
    from plugins.study_context import StudyContext

    with shown_on_the_run(ti), waiting_for_a_turn(ti):
        return preflight(StudyContext(ti).results).to_json()


@contextmanager
def waiting_for_a_turn(ti: TaskInstance) -> Iterator[None]:
    """Reschedule the task when the cluster has another study, and log which.

    ClusterBusy passes where nobody would wait, as in a terminal.
    """
    from include.errors import ClusterBusy

    try:
        yield
    except ClusterBusy as err:
        if not waits_for_a_turn():
            raise
        log.info("waiting for the cluster: %s", err)
        ti.xcom_push(key=REFUSED, value=str(err))
        again_at = datetime.now(UTC) + TURN_EVERY
        raise AirflowRescheduleException(again_at) from err  # type: ignore[no-untyped-call]


def waits_for_a_turn() -> bool:
    """True if a study waits for its cluster: under a scheduler, not in `airflow dags test`."""
    return "OPERATOR_BENCHMARK_PROGRESS" not in os.environ


@setup
@task(multiple_outputs=False)
def reserve(ti: TaskInstance) -> dict[str, Any]:
    """Fix the names and the expiry of the cluster; creates nothing.

    Another study may have taken the cluster since preflight, for example while this one waited
    for its approval. Its end is awaited here, as the time to live starts here.
    """
    from include.study import preflight, steps
    from plugins.study_context import StudyContext

    reservation = steps.reserve(StudyContext(ti).results)
    if waits_for_a_turn():
        with waiting_for_a_turn(ti):
            preflight.require_turn(reservation)
    return reservation.to_json()


@setup
@task(execution_timeout=timedelta(hours=1))
def provision(ti: TaskInstance) -> None:
    """Start making the cluster, or adopt what this run already made."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    with waiting_for_a_turn(ti):  # of two studies that could start at once, one does
        steps.provision(study.results, study.reservation)


@setup
@task(multiple_outputs=False, execution_timeout=timedelta(hours=1))
def wait_ready(ti: TaskInstance) -> dict[str, Any]:
    """Wait until jobs can run; returns the access to the cluster, without any secret."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    return steps.wait_ready(study.results, study.reservation).to_json()


@task(execution_timeout=timedelta(hours=1))  # workers may have to start, and pull images
def install(phase: int, ti: TaskInstance) -> list[dict[str, Any]]:
    """Install the operators of a phase; returns its points."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    if (planned := study.phase(phase)) is None:
        msg = f"the study has no phase {phase}"
        raise AirflowSkipException(msg)
    steps.install_phase(study.results, study.handle, planned)
    return [point.to_json() for point in planned.points]


@task(trigger_rule=TriggerRule.ALL_DONE, execution_timeout=timedelta(minutes=30))
def uninstall(phase: int, ti: TaskInstance, *, stays_warm: bool = False) -> None:
    """Remove the operators of a phase and verify that none of its pods is left.

    With the last phase the workers end, unless the cluster `stays_warm` for what follows.
    """
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    planned = study.phase(phase)
    if planned is None or not study.was_attempted(f"phase_{phase}.install"):
        msg = f"nothing was installed for a phase {phase}"
        raise AirflowSkipException(msg)
    is_last = phase == study.planned.phases and not stays_warm
    remove = steps.uninstall_last_phase if is_last else steps.uninstall_phase
    remove(study.results, study.handle, planned)


@task(
    retries=1,
    retry_delay=timedelta(seconds=10),
    execution_timeout=timedelta(hours=1),
    on_failure_callback=alarm,
)
def destroy(ti: TaskInstance) -> None:
    """Remove everything that the study made, and verify it."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    steps.destroy(study.reservation, open_results=lambda: study.results)


@task(multiple_outputs=False, outlets=[STUDIES])
def report(ti: TaskInstance, outlet_events: OutletEvents) -> dict[str, Any]:
    """Write records, tables, figures and the report, and notify other DAGs; returns its summary."""
    from include.study import steps
    from plugins.notifications import run_link
    from plugins.study_assets import tell_of_study
    from plugins.study_context import StudyContext

    handed_over = ti.xcom_pull(task_ids=[f"phase_{phase}.points" for phase in phases()])
    given = [record for record in handed_over if record]
    link = run_link(ti.dag_id, ti.run_id) if waits_for_a_turn() else None  # no page in a terminal
    results = StudyContext(ti).results
    summary = steps.report(results, given, run_link=link)
    tell_of_study(outlet_events, results, headline=summary.headline, run_link=link)
    return summary.to_json()


@task(task_id="verdict")
def judge_study(ti: TaskInstance) -> None:
    """Fail the run unless every point is valid and nothing was left behind."""
    check_study(ti)


def check_study(ti: TaskInstance, *, may_be_skipped: Sequence[str] = ()) -> None:
    """Raise StudyIncomplete, naming what is missing; for the last task of a run."""
    from include.study import steps
    from plugins.study_context import StudyContext

    study = StudyContext(ti)
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    unused = phases()[study.planned.phases :]
    not_planned = [f"phase_{n}.{step}" for n in unused for step in PHASE_STEPS]
    steps.check_complete(
        study.results,
        states={task_id: state for task_id, state in states.items() if task_id != ti.task_id},
        may_be_skipped=[*not_planned, *may_be_skipped],
        handed_over=study.losses,
    )


def one_at_a_time(operator: type[RunPoint], points: XComArg) -> MappedOperator:
    """A task for each of the points."""
    return operator.partial(
        task_id="points",
        max_active_tis_per_dagrun=1,  # a second job on the cluster would disturb the first
        execution_timeout=POINT_TIME_LIMIT,
        retries=1,  # retry for a lost worker; a measured failure is not retried
        retry_delay=timedelta(seconds=5),
        map_index_template="{{ point_name | default(task.planned_name) }}",
    ).expand(point=points)


def run_phase(phase: int, *, stays_warm: bool) -> TaskGroup:
    """Install, run every point one at a time, uninstall."""
    # The previous phase may have been skipped, but its operators must be gone.
    rule = TriggerRule.ALL_SUCCESS if phase == 1 else TriggerRule.NONE_FAILED
    tip = "Install the operators, run the points one at a time, remove the operators"
    with TaskGroup(f"phase_{phase}", group_display_name=f"phase {phase}", tooltip=tip) as group:
        points = install.override(trigger_rule=rule)(phase)
        last = uninstall(phase, stays_warm=stays_warm)
        chain(points, one_at_a_time(RunPoint, points), last)
    return group


def study_tasks(
    *,
    after_phases: Sequence[TaskGroup | XComArg] = (),
    at_end: Sequence[XComArg] = (),
    verdict: XComArg | None = None,
) -> None:
    """All tasks of a study in order, in the current DAG.

    `after_phases` run while the cluster still exists, `at_end` after the report in any case.
    `verdict`, by default the study's own, is the only task that decides the colour.
    """
    approve = AskWhenWanted(
        task_id="approve",
        subject=f"Run {{{{ {PLANNED}['points'] }}}} points on {{{{ {PLANNED}['cluster'] }}}}?",
        body=APPROVAL,
        response_timeout=timedelta(hours=24),
    )
    planned, looked = plan(), preflight()
    with TaskGroup("cluster", prefix_group_id=False, tooltip="Name it, make it, await it"):
        setups = [reserve(), provision(), wait_ready()]
    with TaskGroup("end", prefix_group_id=False, tooltip="Runs whatever happened before"):
        teardowns = [destroy(), report(), *at_end, verdict or judge_study()]
    chain(
        planned,
        looked,
        approve,
        *setups,
        *(run_phase(phase, stays_warm=bool(after_phases)) for phase in phases()),
        *after_phases,
        *teardowns,
    )
    for step in teardowns:
        step.as_teardown(setups=setups)
    teardowns[-1].as_teardown(on_failure_fail_dagrun=True)
