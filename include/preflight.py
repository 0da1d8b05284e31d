"""The last look before money is spent: can the cluster be made, and may the study cost that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters
from include.checks import Check, Outcome, require, table
from include.cost.estimate import Estimate, estimate_plan
from include.cost.gate import gate
from include.models import Model
from include.results import PREFLIGHT
from include.tariff import Tariff

if TYPE_CHECKING:
    from include.models import Plan
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
        """Whether nothing speaks against starting."""
        return all(check.outcome is not Outcome.FAILED for check in self.checks)


def look(plan: Plan) -> Preflight:
    """What there is to know before the plan's cluster is created; creates nothing."""
    cluster = clusters.load(plan.study.cluster)
    findings = cluster.examine(cluster.reserve(plan.study, study_id=plan.study_id))
    estimate = estimate_plan(plan, tariff=findings.tariff)
    checks = (*findings.checks, *gate(plan.study, estimate))
    return Preflight(
        study_id=plan.study_id,
        checks=checks,
        tariff=findings.tariff,
        estimate=estimate,
        text=_text(checks, estimate),
    )


def preflight(results: Results) -> Preflight:
    """Look, store and log what was found; ClusterError naming what speaks against starting."""
    found = look(results.plan())
    results.write_json(PREFLIGHT, found.to_json())
    log.info("before anything is created:\n%s", found.text)
    require(found.checks)
    return found


def _text(checks: tuple[Check, ...], estimate: Estimate) -> str:
    lines = (*table(checks), "", estimate.sentence(), *estimate.lines(), *estimate.basis)
    return "\n".join(lines)
