"""The outcome of every planned point: none may disappear silently."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.analysis.left_out import left_out
from include.models import LeftOut, Plan, Point, Record, Status
from include.report.point_files import links_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.report.point_files import Link
    from include.results import Results

LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A point without a valid record."""

    point_id: str
    what: str  # `mpi_operator 2 nodes repeat 1`
    outcome: str  # failed, invalid or lost
    reason: str
    links: tuple[Link, ...]  # to its stored files


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts over the planned points; warm-ups are separate where stated."""

    planned: int
    planned_repeats: int
    planned_warmups: int
    recorded: int
    valid: int  # warm-ups included
    valid_repeats: int
    failed: int
    invalid: int
    lost: int
    not_needed: int  # left out, as the answer at their size was known
    too_large: int  # left out, as the cluster became too small for them
    simulated: bool
    troubles: tuple[Trouble, ...]
    strays: tuple[str, ...]  # records of points outside the plan


def read_records(results: Results) -> tuple[tuple[Record, ...], dict[str, str]]:
    """The readable records in planned order, and the fault of each unreadable one."""
    return results.readable_records()


def tally(
    plan: Plan,
    records: Iterable[Record],
    *,
    unreadable: Mapping[str, str],
    results: Results,
    is_simulated: bool,
    above: str = "",
) -> Tally:
    """Every planned point against its record; `above` leads from the report to its files."""
    by_point = {record.point_id: record for record in records}
    reasons = left_out(results, plan, by_point.values())
    not_measured = Counter(reasons.values())
    planned = {point.point_id: point for point in plan.points}
    mine = [by_point[point_id] for point_id in planned if point_id in by_point]
    repeats = [point for point in planned.values() if not point.is_warmup]
    valid = [record for record in mine if record.status is Status.VALID]
    return Tally(
        planned=len(planned),
        planned_repeats=len(repeats),
        planned_warmups=len(planned) - len(repeats),
        recorded=len(mine),
        valid=len(valid),
        valid_repeats=sum(not record.is_warmup for record in valid),
        failed=sum(record.status is Status.FAILED for record in mine),
        invalid=sum(record.status is Status.INVALID for record in mine),
        lost=len(planned) - len(mine) - len(reasons),
        not_needed=not_measured[LeftOut.KNOWN],
        too_large=not_measured[LeftOut.TOO_LARGE],
        simulated=is_simulated or any(record.simulated for record in mine),
        troubles=_troubles(
            {name: point for name, point in planned.items() if name not in reasons},
            by_point,
            unreadable=unreadable,
            results=results,
            above=above,
        ),
        strays=tuple(sorted((set(by_point) | set(unreadable)) - set(planned))),
    )


def _troubles(
    planned: Mapping[str, Point],
    by_point: Mapping[str, Record],
    *,
    unreadable: Mapping[str, str],
    results: Results,
    above: str,
) -> tuple[Trouble, ...]:
    troubles = []
    stored = results.point_files()
    for point_id, point in planned.items():
        record = by_point.get(point_id)
        if record is not None and record.status is Status.VALID:
            continue
        lost = unreadable.get(point_id, "no record was written")
        troubles.append(
            Trouble(
                point_id=point_id,
                what=str(point),
                outcome=str(record.status) if record else LOST,
                reason=(record.error or "no reason was recorded") if record else lost,
                links=links_of(point_id, stored, above=above),
            )
        )
    return tuple(troubles)
