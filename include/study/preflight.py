"""The last look before money is spent: can the cluster be made, and may the study cost that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters, k8s_operators
from include.checks import Check, failed, passed, require, stops, table, unknown
from include.cost.estimate import Estimate, estimate_plan
from include.cost.gate import gate
from include.errors import ClusterError
from include.models import Model
from include.results import PREFLIGHT
from include.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.clusters import Cluster
    from include.models import Plan, Reservation, Study
    from include.results import Results

log = logging.getLogger(__name__)


class Preflight(Model):
    """All that was looked at, the price, and the estimate that rests on it."""

    study_id: str
    checks: tuple[Check, ...]
    tariff: Tariff | None
    estimate: Estimate
    text: str  # all of it for people, a plain table

    @property
    def is_ready(self) -> bool:
        """True if the study can start."""
        return not _failed(self.checks)


def look(plan: Plan) -> Preflight:
    """The findings before the plan's cluster is created; creates nothing."""
    cluster = clusters.load(plan.study.cluster)
    reservation = cluster.reserve(plan.study, study_id=plan.study_id)
    findings = cluster.examine(reservation)
    estimate = estimate_plan(plan, reservation=reservation, tariff=findings.tariff)
    more: tuple[Check, ...] = ()
    if not _failed(findings.checks):
        room = _room(cluster, reservation, plan.study)
        cores = _cores(cluster, reservation, plan.study)
        more = (*_controllers(cluster, reservation, plan.study), *cores, *room)
    checks = (*findings.checks, *more, *gate(plan.study, estimate))
    return Preflight(
        study_id=plan.study_id,
        checks=checks,
        tariff=findings.tariff,
        estimate=estimate,
        text=_text(checks, estimate),
    )


def preflight(results: Results) -> Preflight:
    """Look, store and log what was found; ClusterError naming what speaks against starting.

    ClusterBusy when that is only another study, whose end can be waited for.
    """
    findings = look(results.plan())
    results.write_json(PREFLIGHT, findings.to_json())
    log.info("before anything is created:\n%s", findings.text)
    require(findings.checks)
    return findings


def _controllers(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """A check that each operator's controller is available, before a cluster is made in vain."""
    checks: list[Check] = []
    for name in study.operators:
        controller = k8s_operators.load(name).controller
        if controller is None:
            continue
        try:
            checks += cluster.controller_check(reservation, controller)
        except ClusterError as err:
            checks.append(failed(controller.name, str(err)))
    return tuple(checks)


def _cores(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """A check of the operators whose launcher places no more ranks on a node than it has cores."""
    asking = [name for name in study.operators if k8s_operators.load(name).needs_core_per_rank]
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
    return (failed("cores", cores_text, remedy=remedy),)


def _room(cluster: Cluster, reservation: Reservation, study: Study) -> tuple[Check, ...]:
    """A check that a pod of the study fits, before nodes that cost money are made in vain."""
    try:
        return cluster.room(reservation, study.pod_resources)
    except ClusterError as err:
        return (unknown("pod resources", str(err)),)


def _failed(checks: Iterable[Check]) -> bool:
    return any(stops(check) for check in checks)


def _text(checks: tuple[Check, ...], estimate: Estimate) -> str:
    lines = (*table(checks), "", estimate.sentence(), *estimate.lines(), *estimate.basis)
    return "\n".join(lines)
