"""The chapter on many jobs at once: its tables and a plain-language reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from include.control_path import cells
from include.control_path.arms import FAST_CLIENT
from include.k8s_operators import _kueue
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.control_path.rows import Batch

HEADER = (
    *("jobs", "n", "submitted", "a job's start, median", "last start", "late, median"),
    *("late, most", "makespan", "requests per job: operator", "controller-manager"),
    *("CPU s: operator", "controller-manager", "cores busy"),
)
COMPARED = ("last_start_s", "late_most_s", "makespan_s")
_SECONDS = ("submitted_s", "start_median_s", "last_start_s", "late_median_s", "late_most_s")


def medians(batches: Iterable[Batch]) -> pd.DataFrame:
    """One row per arm and number of jobs: `n` and the medians of the valid batches.

    `busy_cores` as in `cells.busy_cores`, until the last job is terminal.
    """
    frame = pd.DataFrame([each.to_json() for each in batches if each.status is Status.VALID])
    if frame.empty:
        return frame
    frame["cpu_operator_s"] = frame["cpu_operator_s"].astype("float64")
    frame["busy_cores"] = cells.busy_cores(frame, over="makespan_s")
    return cells.medians(frame, by="jobs")


def tables(table: pd.DataFrame, names: Mapping[str, str]) -> list[tuple[str, list[list[str]]]]:
    """Rows of each arm by its title, in the order of the names; arms without any are left out."""
    every = [(title, _rows(table, arm)) for arm, title in names.items()]
    return [(title, rows) for title, rows in every if rows]


def _rows(table: pd.DataFrame, arm: str) -> list[list[str]]:
    if table.empty:
        return []
    return [_cells(row) for row in table[table["arm"] == arm].to_dict(orient="records")]


def _cells(row: dict[Any, Any]) -> list[str]:
    return [
        *(f"{int(row['jobs']):,}", str(int(row["n"]))),
        *(f"{row[name]:.2f}" for name in (*_SECONDS, "makespan_s")),
        *(
            f"{row[name] / row['jobs']:.1f}"
            for name in ("requests_operator", "requests_controller_manager")
        ),
        "-" if pd.isna(row["cpu_operator_s"]) else f"{row['cpu_operator_s']:.1f}",
        f"{row['cpu_controller_manager_s']:.1f}",
        f"{row['busy_cores']:.1f}",
    ]


def of_kueue(table: pd.DataFrame) -> str:
    """Effect of Kueue's own limit at the largest number of jobs that all its arms have."""
    arms = {
        "indexed_job": "without Kueue",
        "indexed_job-kueue": "with Kueue as it comes",
        "indexed_job-kueue-fast": f"where Kueue's client may send {FAST_CLIENT.qps} requests/s",
    }
    jobs = cells.largest_shared(table, arms, by="jobs", least=len(arms))
    usual = _kueue.CONTROLLER.client_rate
    if jobs is None or usual is None:
        return ""
    at = table[table["jobs"] == jobs].set_index("arm")
    told = [f"{at['makespan_s'][arm]:.1f} s {words}" for arm, words in arms.items()]
    return (
        f"Kueue's client keeps to {usual.qps} requests/s, {usual.burst} at once "
        f"(`clientConnection` of its configuration). {jobs} Indexed Jobs end after "
        f"{'; '.join(told)}."
    )


def failures(batches: Iterable[Batch]) -> list[str]:
    """Batches that did not finish, with their state at that time."""
    return [
        f"{each.arm} with {each.jobs} jobs: {each.error}"
        for each in batches
        if each.status is not Status.VALID
    ]
