"""Estimates of studies that nobody has planned yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.cost.estimate import estimate_plan
from include.study.plan import make_plan, study_id_of

if TYPE_CHECKING:
    from include.cost.estimate import Estimate
    from include.models import Study


def estimate_study(study: Study) -> Estimate:
    """The estimate for a study as it would be planned."""
    return estimate_plan(make_plan(study, study_id=study_id_of(name=study.name, run_id="")))
