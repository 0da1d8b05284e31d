"""One paragraph that says what a study will run, or why it cannot, before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.cost.estimate import estimate_plan
from include.errors import StudyError
from include.study import presets
from include.study.plan import read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.models import Plan, Study

REFUSED = "this study will be refused: "


def outline(conf: Mapping[str, Any]) -> str:
    """The effective study of a run's conf, its preset's values filled in, and its estimate."""
    try:
        plan = effective(conf)
    except StudyError as err:
        return REFUSED + "; ".join(str(err).splitlines())
    told = presets.told(conf, study=plan.study.to_json())
    source = f" ({told})" if told else ""
    return f"{summary(plan.study)}{source}: {estimate_plan(plan).sentence()}"


def effective(conf: Mapping[str, Any], *, run_id: str = "") -> Plan:
    """The plan that a run's conf comes to, with the form's first values and the preset's.

    StudyError with a line for each thing that is wrong.
    """
    params = {**presets.start().to_json(), **conf}
    return read_plan(presets.fill_in(params, conf=conf), run_id=run_id)


def summary(study: Study) -> str:
    """The operators, node counts and cluster of a study."""
    nodes = ", ".join(str(value) for value in study.nodes)
    noun = "node" if nodes == "1" else "nodes"
    return f"{', '.join(study.operators)} on {nodes} {noun} of the cluster {study.cluster}"
