"""Points that a study left out, each with its reason; the same for verdict, report and ledger."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.models import LeftOut
from include.results import NOT_NEEDED, RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.models import Plan, Record
    from include.results import Results

log = logging.getLogger(__name__)


def left_out(results: Results, plan: Plan, records: Iterable[Record]) -> dict[str, LeftOut]:
    """Reasons by point id, for planned points without a stored record.

    They follow from the readable `records`, so they are known for a stopped study too, whose tasks
    marked nothing. Marks add points left out when there were fewer records, or fewer nodes.
    """
    files = results.point_files()
    recorded = {point_id for point_id, name in files if name == RECORD}
    marked = {point_id for point_id, name in files if name == NOT_NEEDED} - recorded
    known = known_answers(plan, records) - recorded
    reasons = dict.fromkeys(known, LeftOut.KNOWN)
    return reasons | {name: _marked_reason(results, name) for name in marked - known}


def known_answers(plan: Plan, records: Iterable[Record]) -> frozenset[str]:
    """Ids of points without a record that no answer needs; none if the study takes all repeats."""
    if plan.study.repeats_min is None:
        return frozenset()
    from include.analysis.adaptive import not_needed  # noqa: PLC0415  numpy takes a while to load

    return not_needed(plan, records)


def _marked_reason(results: Results, point_id: str) -> LeftOut:
    try:
        return LeftOut(results.of_point(point_id).read_json(NOT_NEEDED)["reason"])
    except ParseError as err:  # a damaged mark must not prevent a report
        log.warning("%s", err)
        return LeftOut.KNOWN
