"""The steps of a study. Each task of the DAG calls one of these and adds nothing."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from include import clusters, k8s_operators
from include.cost import account
from include.cost.estimate import estimate_plan
from include.errors import CapacityError, ClusterError, StudyError, TeardownError
from include.jobs import cleanup
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
from include.project import ROOT
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
from include.study import images, outline, presets, stopping, teardown, workers
from include.study.losses import losses
from include.study.plan import read_plan
from include.study.turn import left_out
from include.study.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from include.k8s_operators import K8sOperator
    from include.models import Study
    from include.report.write import ReportSummary

log = logging.getLogger(__name__)


class Planned(Model):
    """The hand-over of the first step to the others: small, and enough to find the rest."""

    study_id: DnsLabel
    results: str  # address of the study's folder
    points: int
    phases: int
    cluster: str
    ask_approval: bool
    summary: str  # what will be run, how long it takes and what it costs, for people

    @field_validator("phases", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        """Runs of earlier versions handed over the phases with all their points."""
        return len(value) if isinstance(value, list) else value


def results_root(study: Study) -> str:
    """Address under which studies are kept: the study's own, the installation's, or the project's.

    A path without a scheme is taken from the project's folder, as a worker's own one is arbitrary.
    StudyError for an address with a password in it.
    """
    given = study.results or os.environ.get("OPERATOR_BENCHMARK_RESULTS") or "results"
    if _has_password(given):  # and the text does not repeat it
        raise StudyError(
            "results: the address holds a key or password, which would be stored and shown; make "
            "an Airflow connection of it, and give `s3://connection@bucket/prefix`"
        )
    return given if "://" in given else (ROOT / given).resolve().as_uri()


def _has_password(address: str) -> bool:
    """True if the address contains `user:password@`; a password may contain slashes."""
    scheme, _, rest = address.rpartition("://")
    return scheme not in {"", "file"} and ":" in rest.rpartition("@")[0]


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
    """Check the whole study, store its plan and say what will be run; touches no cluster.

    `conf` is what the caller gave of `params`, for the choice between a preset's values and theirs.
    With `dag_id` it also stores which run the study belongs to, for whom to let read it.

    Raises StudyError for a study that cannot run as it is.
    """
    given = presets.fill_in(params, conf=params if conf is None else conf)
    plan = read_plan(given, run_id=run_id)
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
    summary = f"{outline.summary(study)}: {estimate_plan(plan).sentence()}"
    _announce(plan, address, lines=(presets.told(params, study=study.to_json()), summary))
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
    return clusters.load(plan.study.cluster).reserve(plan.study, study_id=plan.study_id)


def provision(results: Results, reservation: Reservation) -> None:
    """Start making the cluster, or adopt the one that this run already made."""
    log.info("creating the cluster %s", reservation.cluster)
    with step_times.timed(lambda: results, account.PROVISION):
        clusters.load(reservation.cluster).create(reservation, results.plan().study)


def wait_ready(results: Results, reservation: Reservation) -> ClusterHandle:
    """Wait until jobs can run on the cluster; stores and returns how to reach it."""
    cluster = clusters.load(reservation.cluster)
    with step_times.timed(lambda: results, account.WAIT_READY):
        try:
            handle = cluster.wait_ready(reservation, results.plan().study)
        except ClusterError:
            workers.keep_evidence(results, cluster, reservation)
            raise
        finally:  # nodes cost money also when the cluster does not become ready
            account.note_nodes(results, lambda: cluster.paid_since(reservation))
    results.write_json(CLUSTER, handle.to_json())
    log.info("cluster %s is ready: Kubernetes %s", handle.cluster, handle.kubernetes_version)
    return handle


def install_phase(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Install the phase's operators, store which version runs, and make all workers ready.

    Ready is a worker that has the images of the phase's jobs. Raises StudyStopped when nothing may
    be begun any more.
    """
    stopping.require_going(results, handle)
    with step_times.timed(lambda: results, f"{account.INSTALL}-{phase.phase}"):
        for name in phase.operators:
            version = _install(handle, k8s_operators.load(name))
            results.write_json(operator_file(name), {"operator": name, "version": version})
    with step_times.timed(lambda: results, f"{account.WORKERS}-{phase.phase}"):
        complete = _add_workers(results, handle)
    images.pull_images(results, complete, phase)


def _add_workers(results: Results, handle: ClusterHandle) -> ClusterHandle:
    """The cluster with all its workers; a shortage that lasts stops the whole study."""
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
    return grown


def _install(handle: ClusterHandle, operator: K8sOperator) -> str:
    if operator.controller is None:
        log.info("%s needs no controller", operator.name)
        return f"Kubernetes {handle.kubernetes_version}"
    version = clusters.load(handle.cluster).install(handle, operator.controller)
    log.info("%s %s is installed", operator.name, version)
    return version


def uninstall_phase(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Remove the phase's jobs and operators; TeardownError when a pod of the study stays."""
    cluster = clusters.load(handle.cluster)
    operators = [k8s_operators.load(name) for name in phase.operators]
    with step_times.timed(lambda: results, f"{account.UNINSTALL}-{phase.phase}"):
        images.stop_pulling(handle)
        cleanup.clear_study(cluster.connect(handle), operators, study_id=handle.study_id)
        for operator in operators:
            if operator.controller is not None:
                cluster.uninstall(handle, operator.controller)
                log.info("%s is uninstalled", operator.name)


def destroy(reservation: Reservation, *, open_results: Callable[[], Results]) -> None:
    """Remove everything that the study made; TeardownError naming what is still there.

    Needs neither results nor a ready cluster, so it works after any failure: results that cannot be
    opened are a warning, and the ledger then lacks the end.
    """
    cluster = clusters.load(reservation.cluster)
    with step_times.timed(open_results, account.DESTROY):
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

    `handed_over` are the records that points passed on: what the store lacks is restored from it.
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
    results: Results, *, states: Mapping[str, str | None], may_be_skipped: Collection[str]
) -> None:
    """Raise StudyIncomplete unless every point is valid and every task did its work."""
    log.info("the report is %s/report.html", results)
    records, unreadable = results.readable_records()
    judge(
        results.plan(),
        records=records,
        unreadable=unreadable,
        losses=losses(results),
        states=states,
        may_be_skipped=may_be_skipped,
        not_needed=left_out(results),
        stopped=stopping.why_stopped(results),
    )
