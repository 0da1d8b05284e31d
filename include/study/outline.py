"""One paragraph that says what a study will run, or why it cannot, before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.cost.estimate import estimate_plan
from include.errors import StudyError
from include.study import presets
from include.study.plan import make_plan, read_study, study_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.models import Study

REFUSED = "this study will be refused: "


def outline(conf: Mapping[str, Any]) -> str:
    """The effective study of a run's conf, its preset's values filled in, and its estimate."""
    try:
        study = effective(conf)
        plan = make_plan(study, study_id=study_id_of(name=study.name, run_id=""))
    except StudyError as err:
        return REFUSED + "; ".join(str(err).splitlines())
    told = presets.told(conf, study=study.to_json())
    source = f" ({told})" if told else ""
    return f"{summary(study)}{source}: {estimate_plan(plan).sentence()}"


def effective(conf: Mapping[str, Any]) -> Study:
    """The study that a run's conf comes to, with the form's first values and the preset's.

    StudyError with a line for each thing that is wrong.
    """
    params = {**presets.start().to_json(), **conf}
    return read_study(presets.fill_in(params, conf=conf))


def summary(study: Study) -> str:
    """Which operators on how many nodes of which cluster."""
    nodes = ", ".join(str(value) for value in study.nodes)
    noun = "node" if nodes == "1" else "nodes"
    return f"{', '.join(study.operators)} on {nodes} {noun} of the cluster {study.cluster}"
