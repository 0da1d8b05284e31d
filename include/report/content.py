"""All that a report shows, read from a study's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from include import k8s_operators
from include.analysis import table
from include.analysis.adaptive import last_looks
from include.analysis.analysis import Analysis, analyse
from include.analysis.arms import arm_names
from include.models import NodeOrder
from include.models.variants import arm_name
from include.report.answer import answer
from include.report.cost_by_operator import cost_by_operator
from include.report.cost_text import node_price, read_cost
from include.report.figures import draw_all
from include.report.headline import headline
from include.report.image_text import image_notes
from include.report.labels import operator_title
from include.report.run_list import list_runs
from include.report.tally import Tally, read_records, tally
from include.report.when import When, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.models import Plan, Study, StudyOrigin
    from include.report.answer import Answer
    from include.report.cost_by_operator import CostByOperator
    from include.report.cost_text import CostSection
    from include.report.drawing import Drawing
    from include.report.run_list import Run
    from include.results import Results


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of names and values under a heading of the report."""

    heading: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a report shows."""

    title: str
    identity: str  # the id of the study, or of each that was recorded
    headline: str
    noun: str  # what the tally counts: `planned point`
    records: pd.DataFrame  # records as stored
    analysis: Analysis
    drawings: tuple[Drawing, ...]
    tally: Tally
    answer: Answer
    when: When
    kind: Literal["study", "import"] = "study"
    originals: tuple[Drawing, ...] = ()  # figures in the definitions of 2023
    costs: CostByOperator | None = None
    runs: tuple[Run, ...] = ()
    cost: CostSection | None = None
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = field(default=())  # what a reader must know of the cluster


def read_content(
    results: Results,
    *,
    title: str | None = None,
    others: pd.DataFrame | None = None,
    run_link: str | None = None,
) -> Content:
    """All that the report of a study's folder shows; FileNotFoundError without a `plan.json`.

    `others` are records of other studies to compare with: rows of the tables and figures, and not
    counted among the study's points.
    """
    plan = results.plan()
    cluster = results.cluster()
    records, unreadable = read_records(results)
    planned = {point.point_id for point in plan.points}
    own = table.to_frame(record for record in records if record.point_id in planned)
    frame = own if others is None else table.joined([own, others])
    arms = k8s_operators.arms(plan.study)
    operators = arm_names(frame, study_id=plan.study_id, arms=arms)
    looks = last_looks(plan, records) if others is None else ()
    analysis = analyse(frame, operators=operators, looks=looks)
    counts = tally(
        plan,
        records,
        unreadable=unreadable,
        results=results,
        is_simulated=bool(cluster and cluster.simulated),
    )
    return Content(
        title=title or f"Kubernetes operators compared: {plan.study.name}",
        identity=plan.study_id,
        headline=headline(
            plan.study,
            operators=arm_names(own, study_id=plan.study_id, arms=arms),
            tally=counts,
            cluster=cluster,
            analysis=analysis,
        ),
        noun="planned point",
        records=frame,
        analysis=analysis,
        drawings=draw_all(analysis, operators=operators),
        tally=counts,
        answer=answer(analysis),
        when=when(own, origin=_origin(results), link=run_link),
        costs=cost_by_operator(
            analysis, node_usd_per_hour=node_price(results), operators=operators
        ),
        runs=list_runs(analysis.frame, stored=results.point_files()),
        cost=read_cost(results),
        sections=(*_variants(plan.study, arms), Section(heading="Study", rows=_study(plan))),
        notes=(
            *(cluster.notes if cluster else ()),
            *_order(plan.study),
            *image_notes(results, own),
            *_others(others),
        ),
    )


def _order(study: Study) -> tuple[str, ...]:
    if study.node_order is not NodeOrder.DESCENDING:
        return ()
    text = (
        "Node counts ran in descending order, so size and time are confounded: a drift of the "
        "cluster shows as scaling. Operators are compared within blocks, which no drift touches."
    )
    return (text,)


def _origin(results: Results) -> StudyOrigin | None:
    try:
        return results.origin()
    except FileNotFoundError:  # of no run, as a confirmation's
        return None


def _others(others: pd.DataFrame | None) -> tuple[str, ...]:
    if others is None:
        return ()
    names = ", ".join(dict.fromkeys(others["study_id"]))
    return (f"{len(others)} runs beside the study's own are from {names}.",)


def _variants(study: Study, arms: Sequence[tuple[str, str]]) -> tuple[Section, ...]:
    """The meaning of variants' names; empty where no operator has several."""
    rows = tuple(
        (operator_title(arm_name(name, variant)), _factor_values(study, name, variant))
        for name, variant in arms
        if variant
    )
    return (Section(heading="Variants", rows=rows),) if rows else ()


def _factor_values(study: Study, name: str, variant: str) -> str:
    operator = k8s_operators.load(name)
    chosen = operator.variants(study.operator_options[name])[variant]
    return ", ".join(
        f"{option}: {_plain(chosen[option])}" for option in operator.factors if option in chosen
    )


def _study(plan: Plan) -> tuple[tuple[str, str], ...]:
    given = plan.study.model_dump(mode="json")
    return tuple((name, _plain(value)) for name, value in given.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
