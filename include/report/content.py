"""Everything that a report shows, read from a study's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from include import k8s_operators
from include.analysis import table
from include.analysis.adaptive import last_looks, looks_at_pairs, looks_of
from include.analysis.analysis import Analysis, analyse
from include.analysis.arms import arm_names
from include.analysis.labels import operator_title
from include.cost.account import course_of
from include.models import NodeOrder
from include.models.variants import arm_name
from include.report.answer import answer
from include.report.cost_by_operator import cost_by_operator
from include.report.cost_text import node_price, read_cost
from include.report.figures import draw_all
from include.report.headline import headline
from include.report.image_text import image_notes, image_rows
from include.report.point_files import links_of
from include.report.run_list import list_runs
from include.report.tally import Tally, read_records, tally
from include.report.when import When, when

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from include.models import Plan, Study, StudyOrigin
    from include.report.answer import Answer
    from include.report.cost_by_operator import CostByOperator
    from include.report.cost_text import CostSection
    from include.report.drawing import Drawing
    from include.report.run_list import Run
    from include.results import Results

AGAINST_ABOVE = "../../"  # from a comparison's report to the folder of its study


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of names and values under a heading of the report."""

    heading: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything that a report shows."""

    title: str
    identity: str  # the id of the study, or of each recorded one
    headline: str
    noun: str  # what the tally counts: `planned point`
    records: pd.DataFrame  # the records as stored
    analysis: Analysis
    drawings: tuple[Drawing, ...]
    tally: Tally
    answer: Answer
    when: When
    kind: Literal["study", "import"] = "study"
    originals: tuple[Drawing, ...] = ()  # figures as defined in 2023
    costs: CostByOperator | None = None
    runs: tuple[Run, ...] = ()
    cost: CostSection | None = None
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = field(default=())  # facts about the cluster that a reader must know


def read_content(
    results: Results,
    *,
    title: str | None = None,
    others: pd.DataFrame | None = None,
    run_link: str | None = None,
) -> Content:
    """All data for the report of a study's folder; FileNotFoundError without a `plan.json`.

    `others` are records of other studies for comparison: in the tables and figures, but not counted
    among the study's points.
    """
    plan = results.plan()
    cluster, complaints = results.readable_cluster()
    records, unreadable = read_records(results)
    planned = {point.point_id for point in plan.points}
    above = "" if others is None else AGAINST_ABOVE
    stored = results.point_files()
    own = table.to_frame(record for record in records if record.point_id in planned)
    frame = own if others is None else table.joined([own, others])
    arms = k8s_operators.arms(plan.study)
    operators = arm_names(frame, study_id=plan.study_id, arms=arms)
    looks = last_looks(plan, records) if others is None else ()
    analysis = analyse(frame, operators=operators, looks=looks)
    costs = cost_by_operator(analysis, node_usd_per_hour=node_price(results), operators=operators)
    counts = tally(
        plan,
        records,
        unreadable=unreadable,
        results=results,
        is_simulated=bool(cluster and cluster.simulated),
        above=above,
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
        drawings=draw_all(
            analysis, operators=operators, costs=costs, course=course_of(results, records)
        ),
        tally=counts,
        answer=answer(analysis),
        when=when(own, origin=_origin(results), link=run_link),
        costs=costs,
        runs=list_runs(
            analysis.frame,
            links={(plan.study_id, name): links_of(name, stored, above=above) for name in planned},
        ),
        cost=read_cost(results),
        sections=(
            *_variants(plan.study, arms),
            Section(heading="Study", rows=_study(plan)),
            *_image(results),
        ),
        notes=(
            *complaints,
            *(cluster.notes if cluster else ()),
            *_order(plan.study),
            *_looks(plan),
            *image_notes(results, own),
            *_workarounds(own),
            *_others(others),
        ),
    )


def _looks(plan: Plan) -> tuple[str, ...]:
    """Looks of a study that may end early, with their error."""
    if not looks_at_pairs(plan.study):
        return ()
    scheme = looks_of(plan)
    text = (
        f"The study looked at its results after {_listed(scheme.repeats)} complete blocks of a "
        f"size, with errors of {_listed(f'{100 * level:.1f}' for level in scheme.levels)} %, each "
        f"split over {scheme.comparisons} comparisons: it names a false winner in at most 5 % of "
        "cases. An effect after an early stop is, on average, farther from 0 than the true one."
    )
    return (text,)


def _listed(values: Iterable[object]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} and {last}" if others else last


def _image(results: Results) -> tuple[Section, ...]:
    rows = image_rows(results)
    heading = "Image, looked into before the first point"
    return (Section(heading=heading, rows=rows),) if rows else ()


def _order(study: Study) -> tuple[str, ...]:
    if study.node_order is not NodeOrder.DESCENDING:
        return ()
    text = (
        "Node counts ran in descending order, so size and time are confounded: a drift of the "
        "cluster shows as scaling. Operators are compared within blocks, which no drift touches."
    )
    return (text,)


def _workarounds(records: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each operator whose jobs needed a workaround."""
    affected = records[records["workarounds"].fillna("") != ""]
    pairs = dict.fromkeys(zip(affected["k8s_operator"], affected["workarounds"], strict=True))
    return tuple(f"{operator_title(name)}: {text}." for name, text in pairs)


def _origin(results: Results) -> StudyOrigin | None:
    try:
        return results.origin()
    except FileNotFoundError:  # a confirmation's report belongs to no run
        return None


def _others(others: pd.DataFrame | None) -> tuple[str, ...]:
    if others is None:
        return ()
    names = ", ".join(dict.fromkeys(others["study_id"]))
    return (f"{len(others)} runs beside the study's own are from {names}.",)


def _variants(study: Study, arms: Sequence[tuple[str, str]]) -> tuple[Section, ...]:
    """Meaning of variant names; empty where no operator has several."""
    rows = tuple(
        (operator_title(arm_name(name, variant)), _factor_values(study, name, variant))
        for name, variant in arms
        if variant
    )
    return (Section(heading="Variants", rows=rows),) if rows else ()


def _factor_values(study: Study, name: str, variant: str) -> str:
    operator = k8s_operators.load(name)
    chosen = operator.variants(study.options_of(name))[variant]
    return ", ".join(
        f"{option}: {_plain(chosen[option])}" for option in operator.all_factors if option in chosen
    )


def _study(plan: Plan) -> tuple[tuple[str, str], ...]:
    given = plan.study.model_dump(mode="json")
    return tuple((name, _plain(value)) for name, value in given.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
