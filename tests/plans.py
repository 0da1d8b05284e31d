"""Plans of studies as their cluster would be reserved, and what they would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.cost.estimate import estimate_plan
from include.study import plan as study_plan

if TYPE_CHECKING:
    from include.cost.estimate import Estimate
    from include.models import Plan, Study
    from include.tariff import Tariff


def make_plan(study: Study, *, study_id: str, workers: int | None = None) -> Plan:
    """The plan on the workers that the study's cluster has; a number says how many.

    The cluster is asked only where nodes are drawn: it may refuse what a test plans.
    """
    if workers is None:
        workers = max(study.nodes)
        if study_plan.is_paired(study):
            workers = study_plan.reserve(study, study_id=study_id).nodes
    return study_plan.make_plan(study, study_id=study_id, workers=workers)


def estimate_of(plan: Plan, *, tariff: Tariff | None = None) -> Estimate:
    """The estimate of a plan on the study's cluster."""
    reservation = study_plan.reserve(plan.study, study_id=plan.study_id)
    return estimate_plan(plan, reservation=reservation, tariff=tariff)


def estimate_study(study: Study) -> Estimate:
    """The estimate for a study as it would be planned."""
    study_id = study_plan.study_id_of(name=study.name, run_id="")
    return estimate_of(make_plan(study, study_id=study_id))
