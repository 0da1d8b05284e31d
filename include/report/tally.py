"""The outcome of every planned point: none may disappear in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.analysis.adaptive import not_needed
from include.models import Plan, Point, Record, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from include.results import Results

LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A point that did not give a valid record."""

    point_id: str
    what: str  # `mpi_operator 2 nodes repeat 1`
    outcome: str  # failed, invalid or lost
    reason: str
    files: tuple[str, ...]  # existing files below the study's folder


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts over the planned points, warm-ups apart where it says so."""

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
    simulated: bool
    troubles: tuple[Trouble, ...]
    strays: tuple[str, ...]  # records of points that the plan does not have


def read_records(results: Results) -> tuple[tuple[Record, ...], dict[str, str]]:
    """The readable records in the planned order, and the reason for each one that is not."""
    return results.readable_records()


def tally(
    plan: Plan,
    records: Iterable[Record],
    *,
    unreadable: Mapping[str, str],
    results: Results,
    is_simulated: bool,
) -> Tally:
    """Every planned point set against its record."""
    by_point = {record.point_id: record for record in records}
    left_out = not_needed(plan, by_point.values()) - set(unreadable)
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
        lost=len(planned) - len(mine) - len(left_out),
        not_needed=len(left_out),
        simulated=is_simulated or any(record.simulated for record in mine),
        troubles=_troubles(
            {name: point for name, point in planned.items() if name not in left_out},
            by_point,
            unreadable=unreadable,
            results=results,
        ),
        strays=tuple(sorted((set(by_point) | set(unreadable)) - set(planned))),
    )


def _troubles(
    planned: Mapping[str, Point],
    by_point: Mapping[str, Record],
    *,
    unreadable: Mapping[str, str],
    results: Results,
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
                files=_files(point_id, stored),
            )
        )
    return tuple(troubles)


def _files(point_id: str, stored: Collection[tuple[str, str]]) -> tuple[str, ...]:
    names = ("job.log", "manifest.yaml", "events.json", "timeline.json", "record.json")
    return tuple(f"points/{point_id}/{name}" for name in names if (point_id, name) in stored)
