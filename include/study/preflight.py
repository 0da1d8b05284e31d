"""The last check before money is spent: can the cluster be made, and is the cost allowed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from include import clusters, k8s_operators
from include.checks import Check, failed, passed, require, stops, table, unknown
from include.cost.estimate import Estimate, estimate_plan
from include.cost.gate import gate
from include.errors import ClusterError
from include.jobs import controllers
from include.models import Binding, Model
from include.results import PREFLIGHT
from include.study.plan import reserve
from include.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.clusters import Cluster
    from include.k8s_operators import K8sOperator
    from include.models import Plan, Reservation, Study
    from include.results import Results

log = logging.getLogger(__name__)


class Preflight(Model):
    """All findings, the price, and the estimate based on it."""

    study_id: str
    checks: tuple[Check, ...]
    tariff: Tariff | None
    estimate: Estimate
    text: str  # everything as a plain table for people

    @property
    def is_ready(self) -> bool:
        """True if the study can start."""
        return not _failed(self.checks)


def look(plan: Plan, reservation: Reservation) -> Preflight:
    """The findings before the plan's cluster is created; creates nothing."""
    cluster = clusters.load(reservation.cluster)
    findings = cluster.examine(reservation)
    estimate = estimate_plan(plan, reservation=reservation, tariff=findings.tariff)
    more: tuple[Check, ...] = ()
    if not _failed(findings.checks):
        room = _room(cluster, reservation, plan.study)
        cores = _cores(cluster, reservation, plan.study)
        launcher = _launcher(cluster, reservation, plan.study)
        pulls = cluster.image_checks(reservation, _worker_images(plan.study))
        controllers = _controllers(cluster, reservation, plan.study)
        more = (*controllers, *cores, *room, *launcher, *pulls)
    checks = (*findings.checks, *more, *gate(plan.study, estimate))
    return Preflight(
        study_id=plan.study_id,
        checks=checks,
        tariff=findings.tariff,
        estimate=estimate,
        text=_text(checks, estimate),
    )


def preflight(results: Results) -> Preflight:
    """Check, store and log the findings; ClusterError naming what prevents a start.

    ClusterBusy when that is only another study, whose end can be awaited.
    """
    plan = results.plan()
    findings = look(plan, reserve(plan.study, study_id=plan.study_id))
    results.write_json(PREFLIGHT, findings.to_json())
    log.info("before anything is created:\n%s", findings.text)
    require(findings.checks)
    return findings


def require_turn(reservation: Reservation) -> None:
    """ClusterBusy while another study has a cluster that takes one at a time."""
    clusters.load(reservation.cluster).require_turn(reservation)


def _controllers(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """Check that controllers can be had and exchanged, before making a useless cluster."""
    checks: list[Check] = []
    for controller in controllers.of_study(study, study.operators):
        try:
            checks += cluster.controller_check(reservation, controller)
        except ClusterError as err:
            checks.append(failed(controller.name, str(err)))
    for name in study.operators:
        own = k8s_operators.load(name).controller
        if own and controllers.has_versions(study, name):
            checks += cluster.exchange_check(reservation, own)
    return tuple(checks)


def _launcher(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """Check that there is a node for the launchers of operators with launcher pods."""
    if not any(k8s_operators.load(name).has_launcher_pod for name in study.operators):
        return ()
    try:
        return cluster.launcher_check(reservation)
    except ClusterError as err:
        return (unknown("launcher", str(err)),)


def _cores(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """Check operators that accept no more ranks on a node than it has cores."""
    asking = [name for name in study.operators if _needs_cores(k8s_operators.load(name), study)]
    try:
        cores = cluster.cores_per_node(reservation) if asking else None
    except ClusterError as err:
        return (unknown("cores", str(err)),)
    if cores is None:
        return ()
    cores_text = f"{study.ranks_per_node} ranks on a node of {cores} cores"
    if study.ranks_per_node <= cores:
        return (passed("cores", cores_text),)
    remedy = f"lower `ranks_per_node`, or leave {', '.join(asking)} out: it never runs them"
    if study.binding is Binding.CORE:
        remedy += "; or set `binding` to none"
    return (failed("cores", cores_text, remedy=remedy),)


def _needs_cores(operator: K8sOperator[Any], study: Study) -> bool:
    """True if its launcher, or the study's binding under it, gives each rank a core."""
    bound = (operator.binding(study.binding, options) for options in _variants(operator, study))
    return operator.needs_core_per_rank or Binding.CORE in bound


def _variants(operator: K8sOperator[Any], study: Study) -> tuple[Any, ...]:
    """Options of the operator in each variant of the study."""
    return operator.variant_options(study.options_of(operator.name))


def _worker_images(study: Study) -> tuple[str, ...]:
    """Images that each worker needs: the application's and those of operators' own launchers."""
    operators = map(k8s_operators.load, study.operators)
    launchers = (o.launcher_image_with(each) for o in operators for each in _variants(o, study))
    return tuple(image for image in (*k8s_operators.images(study), *launchers) if image)


def _room(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """Check that a pod of the study fits, before paying for useless nodes."""
    try:
        return cluster.room(reservation, study.pod_resources)
    except ClusterError as err:
        return (unknown("pod resources", str(err)),)


def _failed(checks: Iterable[Check]) -> bool:
    return any(stops(check) for check in checks)


def _text(checks: tuple[Check, ...], estimate: Estimate) -> str:
    lines = (*table(checks), "", estimate.sentence(), *estimate.lines(), *estimate.basis)
    return "\n".join(lines)
