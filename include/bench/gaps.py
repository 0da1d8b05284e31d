"""The time between the jobs of successive points, and Airflow's share of it."""

from __future__ import annotations

import json
import statistics
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from include.errors import BenchmarkError
from include.models import Model, Status
from include.study.turn import WORK_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import Record
    from include.results import Results


class Gaps(Model):
    """Medians over neighbouring points of a phase, in seconds; `n` neighbours."""

    n: int
    gap_s: float  # end of one job's launcher → start of the next one's, by their logs' timestamps
    notice_s: float  # launcher's end → the operator reports that the job is done
    delete_s: float  # deletion requested → no pod left
    start_s: float  # next resource created → its launcher starts
    airflow_s: float  # end of one task's work → start of the next one's
    pods_running_s: float  # resource created → all pods running
    end_to_end_s: float


def read_gaps(results: Results, *, nodes: int, k8s_operator: str | None = None) -> Gaps:
    """The gaps of a finished study between points on `nodes` nodes, of one operator or all.

    BenchmarkError when it has none.
    """
    records = [record for record in results.records() if record.status is Status.VALID]
    pairs = [
        (one, other)
        for one, other in pairwise(records)
        if one.phase == other.phase
        and one.nodes == other.nodes == nodes
        and k8s_operator in {None, other.k8s_operator}
    ]
    if not pairs:
        raise BenchmarkError(f"{results} has no two neighbouring valid points on {nodes} nodes")
    later = [other for _, other in pairs]
    return Gaps(
        n=len(pairs),
        gap_s=_median([_seconds(a.launcher_finished_at, b.launcher_started_at) for a, b in pairs]),
        notice_s=_median([record.completion_lag_s for record in later]),
        delete_s=_median([record.delete_s for record in later]),
        start_s=_median([_seconds(r.created_at, r.launcher_started_at) for r in later]),
        airflow_s=_median([_between(results, one, other) for one, other in pairs]),
        pods_running_s=_median([_seconds(r.created_at, r.pods_running_at) for r in later]),
        end_to_end_s=_median([record.end_to_end_s for record in later]),
    )


def _between(results: Results, one: Record, other: Record) -> float:
    """Seconds from the end of the work on one point to the start of the work on the next."""
    ended = json.loads(results.of_point(one.point_id).read_text(WORK_FILE))["finished_at"]
    began = json.loads(results.of_point(other.point_id).read_text(WORK_FILE))["started_at"]
    return (datetime.fromisoformat(began) - datetime.fromisoformat(ended)).total_seconds()


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _median(values: Sequence[float | None]) -> float:
    return round(statistics.median(value for value in values if value is not None), 3)
