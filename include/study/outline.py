"""One paragraph on what a study will run, or why it cannot, before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.cost.estimate import estimate_plan
from include.errors import StudyError
from include.study import presets
from include.study.plan import read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.cost.estimate import Estimate
    from include.models import Plan, Reservation, Study

REFUSED = "this study will be refused: "


def outline(conf: Mapping[str, Any]) -> str:
    """The effective study of a run's conf, including its preset's values, and its estimate."""
    try:
        plan, reservation = effective(conf)
    except StudyError as err:
        return REFUSED + "; ".join(str(err).splitlines())
    return paragraph(conf, plan.study, estimate_plan(plan, reservation=reservation))


def paragraph(conf: Mapping[str, Any], study: Study, estimate: Estimate) -> str:
    """The study that a run's conf results in, and its estimate."""
    preset_text = presets.described(conf, study=study.to_json())
    source = f" ({preset_text})" if preset_text else ""
    return f"{summary(study)}{source}: {estimate.sentence()}"


def effective(conf: Mapping[str, Any], *, run_id: str = "") -> tuple[Plan, Reservation]:
    """The plan and cluster by a run's conf, the form's initial values and the preset's.

    StudyError with a line for each problem.
    """
    params = {**presets.start().to_json(), **conf}
    return read_plan(presets.fill_in(params, conf=conf), run_id=run_id)


def summary(study: Study) -> str:
    """The operators, node counts and cluster of a study."""
    nodes = ", ".join(str(value) for value in study.nodes)
    noun = "node" if nodes == "1" else "nodes"
    return f"{', '.join(study.operators)} on {nodes} {noun} of the cluster {study.cluster}"
