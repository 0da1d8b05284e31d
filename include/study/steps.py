"""The steps of a study. Each task of the DAG calls one of these and adds nothing."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from include import clusters
from include.analysis.left_out import left_out
from include.cost import account, stretches
from include.cost.estimate import estimate_plan
from include.errors import CapacityError, ClusterError, StudyError, TeardownError
from include.models import (
    ClusterHandle,
    DnsLabel,
    Model,
    Phase,
    Plan,
    Record,
    Reservation,
    StudyOrigin,
)
from include.results import (
    CLUSTER,
    ORIGIN,
    PLAN,
    RECORD,
    STUDY,
    Location,
    Results,
    operator_file,
    step_times,
)
from include.study import (
    image_look,
    images,
    outline,
    phase_operators,
    presets,
    queueing,
    shrink,
    stopping,
    teardown,
    workers,
)
from include.study import plan as study_plan
from include.study.address import results_root
from include.study.losses import losses, store_handed_over
from include.study.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from include.report.write import ReportSummary
    from include.study.losses import Loss

log = logging.getLogger(__name__)


class Planned(Model):
    """The result of the first step for the others: small, and enough to locate the rest."""

    study_id: DnsLabel
    results: str  # address of the study's folder
    points: int
    phases: int
    cluster: str
    ask_approval: bool
    summary: str  # plan, duration and cost, for people

    @field_validator("phases", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        """The number of phases; runs of earlier versions handed over the phases with all points."""
        return len(value) if isinstance(value, list) else value


def plan_study(
    params: Mapping[str, Any],
    *,
    conf: Mapping[str, Any] | None = None,
    run_id: str,
    dag_id: str | None = None,
    locate: Callable[[str], Location],
    most_phases: int,
    most_points: int,
) -> Planned:
    """Check the complete study, store its plan and say what will run; touches no cluster.

    `conf` is what the caller gave of `params`, to choose between a preset's values and theirs.
    With `dag_id` it also stores the study's run, which decides who may read it.
    StudyError for a study that cannot run as it is.
    """
    given = presets.fill_in(params, conf=params if conf is None else conf)
    plan, reservation = study_plan.read_plan(given, run_id=run_id)
    study = plan.study
    address = f"{results_root(study).rstrip('/')}/{plan.study_id}"
    results = Results(locate(address))
    _check_size(plan, most_phases=most_phases, most_points=most_points)
    results.write_json(PLAN, plan.to_json())
    results.write_json(STUDY, study.to_json())
    teardown.note(plan)
    if dag_id is not None:
        origin = StudyOrigin(dag_id=dag_id, run_id=run_id, planned_at=datetime.now(tz=UTC))
        results.write_json(ORIGIN, origin.to_json())
    summary = f"{outline.summary(study)}: {estimate_plan(plan, reservation=reservation).sentence()}"
    _announce(plan, address, lines=(presets.described(params, study=study.to_json()), summary))
    return Planned(
        study_id=plan.study_id,
        results=address,
        points=len(plan.points),
        phases=len(plan.phases),
        cluster=study.cluster,
        ask_approval=study.ask_approval,
        summary=summary,
    )


def _check_size(plan: Plan, *, most_phases: int, most_points: int) -> None:
    if len(plan.phases) > most_phases:
        msg = f"operators: {len(plan.phases)} phases, but there are {most_phases} operators"
        raise StudyError(msg)
    for phase in plan.phases:
        if len(phase.points) > most_points:
            msg = (
                f"phase {phase.phase} has {len(phase.points)} points, more than the {most_points} "
                "that Airflow maps; use fewer nodes, repeats or warmups"
            )
            raise StudyError(msg)


def _announce(plan: Plan, address: str, *, lines: Iterable[str | None]) -> None:
    study = plan.study
    log.info("study %s on cluster %s: %d points", plan.study_id, study.cluster, len(plan.points))
    for line in lines:
        if line is not None:
            log.info("%s", line)
    for point in plan.points:
        log.info("planned %d: %s", point.order_index, point)
    log.info("results go to %s", address)


def reserve(results: Results) -> Reservation:
    """Fix the cluster's names and expiry; creates nothing, so its teardown always has a name."""
    plan = results.plan()
    return study_plan.reserve(plan.study, study_id=plan.study_id)


def provision(results: Results, reservation: Reservation) -> None:
    """Start making the cluster, or adopt the one that this run already made.

    A stopped study only gets here when somebody clears its tasks: it then resumes.
    """
    stopping.lift(results)
    log.info("creating the cluster %s", reservation.cluster)
    with step_times.timed(lambda: results, stretches.PROVISION):
        clusters.load(reservation.cluster).create(reservation, results.plan().study)


def wait_ready(results: Results, reservation: Reservation) -> ClusterHandle:
    """Wait until jobs can run on the cluster; stores and returns the access to it."""
    cluster = clusters.load(reservation.cluster)
    with step_times.timed(lambda: results, stretches.WAIT_READY):
        try:
            handle = cluster.wait_ready(reservation, results.plan().study)
        except ClusterError:
            workers.keep_evidence(results, cluster, reservation)
            raise
        finally:  # nodes cost money even if the cluster does not become ready
            account.note_nodes(results, lambda: cluster.paid_since(reservation))
    results.write_json(CLUSTER, handle.to_json())
    log.info("cluster %s is ready: Kubernetes %s", handle.cluster, handle.kubernetes_version)
    return handle


def install_phase(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Install the phase's operators, store their version, and make all workers ready.

    A worker is ready once it has the images of the phase's jobs. StudyStopped when no phase may
    start.
    """
    stopping.require_going(results, handle)
    with step_times.timed(lambda: results, f"{stretches.INSTALL}-{phase.phase}"):
        study = results.plan().study
        for name in phase.operators:
            version = phase_operators.install(handle, name, study=study)
            results.write_json(operator_file(name), {"operator": name, "version": version})
        queueing.install(results, handle, phase)
    images.begin_pulling(results, handle, phase)  # early workers pull while others join
    with step_times.timed(lambda: results, f"{stretches.WORKERS}-{phase.phase}"):
        complete = _add_workers(results, handle)
    images.finish_pulling(results, complete, phase)
    image_look.look_into_images(results, complete, phase)


def _add_workers(results: Results, handle: ClusterHandle) -> ClusterHandle:
    """The cluster with all its workers; a lasting shortage stops the study."""
    cluster = clusters.load(handle.cluster)
    try:
        grown = cluster.add_workers(handle)
    except ClusterError as err:
        workers.keep_evidence(results, cluster, handle)
        if isinstance(err, CapacityError):
            stopping.stop(results, str(err))
        account.note_nodes(results, lambda: cluster.paid_since(handle))  # those that came cost, too
        raise
    if grown != handle:
        results.write_json(CLUSTER, grown.to_json())
        account.note_nodes(results, lambda: cluster.paid_since(handle))
    shrink.keep_all(results, grown)
    return grown


def uninstall_phase(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Remove the phase's jobs and operators; TeardownError when a pod of the study remains."""
    with step_times.timed(lambda: results, f"{stretches.UNINSTALL}-{phase.phase}"):
        phase_operators.clear_jobs(handle, phase)
        phase_operators.remove(handle, phase, study=results.plan().study)


def uninstall_last_phase(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Uninstall as for any phase; the workers end before the operators go, as no job follows."""
    with step_times.timed(lambda: results, f"{stretches.UNINSTALL}-{phase.phase}"):
        phase_operators.clear_jobs(handle, phase)
        shrink.give_all_back(results, handle)
        phase_operators.remove(handle, phase, study=results.plan().study)


def destroy(reservation: Reservation, *, open_results: Callable[[], Results]) -> None:
    """Remove everything that the study made; TeardownError naming what remains.

    Needs neither results nor a ready cluster, so it works after any failure: results that cannot be
    opened are a warning, and the ledger then lacks the end.
    """
    cluster = clusters.load(reservation.cluster)
    with step_times.timed(open_results, stretches.DESTROY):
        cluster.delete(reservation)
        if left := cluster.leftovers(reservation):
            msg = f"the cluster {reservation.cluster} still has {', '.join(left)}"
            raise TeardownError(msg)
    account.note_no_nodes(open_results)
    log.info("nothing is left of the cluster %s", reservation.cluster)


def report(
    results: Results, handed_over: Iterable[Mapping[str, Any]], *, run_link: str | None = None
) -> ReportSummary:
    """Write tables, figures and the report; logs the summary and returns its numbers.

    `run_link` leads from the report to the page of its run.

    `handed_over` are the records passed on by points, which restore what the store lacks.
    """
    from include.report.write import write_report  # noqa: PLC0415  pandas takes seconds to load

    stored = results.recorded_points()
    for given in handed_over:
        record = Record.model_validate(given)
        if record.point_id not in stored:
            results.of_point(record.point_id).write_json(RECORD, record.to_json())
    account.write_ledger(results)
    summary = write_report(results, run_link=run_link)
    log.info("%s\n%s", summary.report, summary.text)
    return summary


def check_complete(
    results: Results,
    *,
    states: Mapping[str, str | None],
    may_be_skipped: Collection[str],
    handed_over: Collection[Loss] = (),
) -> None:
    """Raise StudyIncomplete unless every point is valid and every task did its work.

    `handed_over` are losses that the store may not have accepted.
    """
    stopped = stopping.why_stopped(results)
    try:
        store_handed_over(results, handed_over)
    except stopping.StudyStopped as err:
        stopped = stopped or str(err)
    plan = results.plan()
    log.info("the report is %s/report.html", results)
    records, unreadable = results.readable_records()
    judge(
        plan,
        records=records,
        unreadable=unreadable,
        losses={**{each.point_id: each.reason for each in handed_over}, **losses(results)},
        states=states,
        may_be_skipped=may_be_skipped,
        not_needed=left_out(results, plan, records),
        stopped=stopped,
        damaged=results.readable_cluster()[1],
    )
