"""Points that a study can leave out because the answer at their size is known.

No decision is stored: it follows from the plan and the records, so that every task, the verdict and
the report reach the same one independently.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from include.analysis.labels import operator_title, signed
from include.analysis.looks import Decision, Look, look_at, repeats_for, schedule
from include.models import Design, Status, StopBy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from include.analysis.looks import Schedule
    from include.models import Plan, Point, Record, Study


@dataclass(frozen=True, kw_only=True)
class PairLook:
    """The last look at one pair of arms at one size."""

    nodes: int
    operator: str  # an arm: the operator, with its variant where there is one
    baseline: str
    looks: int  # number of looks that the study may take
    most_repeats: int
    error: float  # level of this look for one comparison
    look: Look


def looks_at_pairs(study: Study) -> bool:
    """True if the study compares complete blocks, so that a difference may end it early."""
    return (
        study.repeats_min is not None
        and study.design is Design.INTERLEAVED
        and study.stop_by is StopBy.DIFFERENCE
    )


def looks_of(plan: Plan) -> Schedule:
    """Schedule of the study's looks, with their levels."""
    study, arms = plan.study, len(_arms(plan))
    return schedule(
        repeats_min=study.repeats_min or study.repeats,
        repeats=study.repeats,
        comparisons=max(1, math.comb(arms, 2) * len(study.nodes)),
    )


def not_needed(plan: Plan, records: Iterable[Record]) -> frozenset[str]:
    """Ids of the points without a record that no answer needs any more."""
    study = plan.study
    if study.repeats_min is None:
        return frozenset()
    by_id = {record.point_id: record for record in records}
    arms = _arms(plan)
    if looks_at_pairs(study) and len(arms) > 1:
        ended = {nodes for nodes in study.nodes if _is_decided(plan, by_id, nodes)}
        spare = [point for point in plan.points if point.nodes in ended]
    else:
        spare = list(_beyond_the_spread(plan, by_id))
    return frozenset(p.point_id for p in spare if not p.is_warmup and p.point_id not in by_id)


def last_looks(plan: Plan, records: Iterable[Record]) -> tuple[PairLook, ...]:
    """The last look at each pair and size, in the study's order; none before the first look."""
    if not looks_at_pairs(plan.study):
        return ()
    by_id = {record.point_id: record for record in records}
    return tuple(
        looks[-1]
        for nodes in plan.study.nodes
        for looks in _looks_by_pair(plan, by_id, nodes).values()
        if looks
    )


def _is_decided(plan: Plan, by_id: Mapping[str, Record], nodes: int) -> bool:
    pairs = _looks_by_pair(plan, by_id, nodes).values()
    return all(looks and looks[-1].look.decision is not None for looks in pairs)


def _looks_by_pair(
    plan: Plan, by_id: Mapping[str, Record], nodes: int
) -> dict[tuple[str, str], list[PairLook]]:
    """The looks at each pair up to the deciding one, from complete blocks alone."""
    study, scheme = plan.study, looks_of(plan)
    pairs = combinations(_arms(plan), 2)
    times = _times_of_complete_blocks(plan, by_id, nodes)
    return {
        (baseline, operator): list(
            _looks(study, scheme, times, nodes=nodes, operator=operator, baseline=baseline)
        )
        for baseline, operator in pairs
    }


def _looks(
    study: Study,
    scheme: Schedule,
    times: Mapping[str, Sequence[float]],
    *,
    nodes: int,
    operator: str,
    baseline: str,
) -> Iterator[PairLook]:
    for number, repeats in enumerate(scheme.repeats, start=1):
        if len(times[operator]) < repeats:
            return
        look = look_at(
            times[operator][:repeats],
            baseline=times[baseline][:repeats],
            plan=scheme,
            look=number,
            least_effect_percent=study.least_effect_percent,
            precision_percent=study.precision_percent,
        )
        yield PairLook(
            nodes=nodes,
            operator=operator,
            baseline=baseline,
            looks=len(scheme.repeats),
            most_repeats=study.repeats,
            error=scheme.level_at(number),
            look=look,
        )
        if look.decision is not None:
            return


def _times_of_complete_blocks(
    plan: Plan, by_id: Mapping[str, Record], nodes: int
) -> dict[str, list[float]]:
    """Times by arm, block by block in planned order; a block only counts if all its arms do."""
    blocks: dict[int, list[Point]] = defaultdict(list)
    for point in plan.points:
        if point.nodes == nodes and not point.is_warmup:
            blocks[point.block].append(point)
    times: dict[str, list[float]] = {arm: [] for arm in _arms(plan)}
    for block in blocks.values():
        measured = {point.arm: _time_s(by_id.get(point.point_id)) for point in block}
        if None not in measured.values():
            for arm, time_s in measured.items():
                times[arm].append(float(time_s or 0.0))
    return times


def _beyond_the_spread(plan: Plan, by_id: Mapping[str, Record]) -> Iterator[Point]:
    """Points of cells whose first repeats show that fewer repeats are enough.

    Interleaved operators end together: blocks stay complete.
    """
    cells: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for point in plan.points:
        if not point.is_warmup:
            cells[point.arm, point.nodes].append(point)
    enough = {key for key, points in cells.items() if _is_enough(points, by_id, plan.study)}
    for (arm, nodes), points in cells.items():
        together = {key for key in cells if key[1] == nodes}
        needed = together if plan.study.design is Design.INTERLEAVED else {(arm, nodes)}
        if needed <= enough:
            yield from points


def _is_enough(points: Sequence[Point], by_id: Mapping[str, Record], study: Study) -> bool:
    """True if a cell has as many repeats as the spread of its first ones requires."""
    measured = [time_s for p in points if (time_s := _time_s(by_id.get(p.point_id)))]
    least = study.repeats_min or study.repeats
    if study.precision_percent is None or len(measured) < least:
        return False
    return len(measured) >= repeats_for(
        measured[:least],
        precision_percent=study.precision_percent,
        most=study.repeats,
        seed=study.seed,
    )


def _time_s(record: Record | None) -> float | None:
    """The time by which a record is judged, None unless it is valid."""
    if record is None or record.status is not Status.VALID:
        return None
    return record.merit_as_time


def _arms(plan: Plan) -> tuple[str, ...]:
    """The arms in the order of the study's operators."""
    order = {name: place for place, name in enumerate(plan.study.operators)}
    arms = {point.arm: point.k8s_operator for point in plan.points}
    return tuple(sorted(sorted(arms), key=lambda arm: order[arms[arm]]))


def sentence(pair: PairLook) -> str:
    """The last look at a pair in words, without its size, which the table gives."""
    look = pair.look
    level = f"{100 * (1 - pair.error):.2f} %"
    interval = f"{level} interval {signed(look.low_percent)} to {signed(look.high_percent)} %"
    counts = f"n = {look.repeats} + {look.repeats}"
    operator, baseline = operator_title(pair.operator), operator_title(pair.baseline)
    if look.decision is Decision.WINNER:
        word = "slower" if look.difference_percent > 0 else "faster"
        text = f"{operator} is {abs(look.difference_percent):.1f} % {word} than {baseline}"
    elif look.decision is Decision.NO_DIFFERENCE:
        text = f"{operator} and {baseline} show no difference that matters"
    else:
        text = f"{operator} against {baseline}: {signed(look.difference_percent)} %"
    return f"{text}, {interval}, {counts}; {_where(pair)}"


def _where(pair: PairLook) -> str:
    look = pair.look
    if look.decision is None:
        return f"looked at {look.look} of {pair.looks} times, undecided"
    if look.repeats < pair.most_repeats:
        biased = ", so the true difference is likely smaller" * (look.decision is Decision.WINNER)
        return f"stopped at look {look.look} of {pair.looks} ({pair.most_repeats} planned){biased}"
    return f"decided at the last of {pair.looks} looks"
