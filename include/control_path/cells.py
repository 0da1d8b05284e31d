"""Medians of a cell's runs, and how a step grows with the number of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from include.control_path.arms import QUEUED
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from include.control_path.rows import Run

# step: (from, to), fields of a run
STEPS = {
    "admit": (None, "admitted_s"),
    "create": ("admitted_s", "pods_created_s"),
    "schedule": ("pods_created_s", "pods_scheduled_s"),
    "start": ("pods_scheduled_s", "pods_running_s"),
    "notice": ("pods_ended_s", "terminal_s"),
    "delete": ("delete_s", "gone_s"),
}
STEP_TITLES = {
    "admit": "created → admitted",
    "create": "created → all pods created",
    "schedule": "→ all scheduled",
    "start": "→ all run",
    "notice": "pods ended → terminal",
    "delete": "deleted → all gone",
}
LEAST_FOR_POWER = 3
LEAST_FOR_A_COMPARISON = 2  # arms


def valid_runs(runs: Iterable[Run]) -> pd.DataFrame:
    """Valid runs with a column per step, in seconds; `all_run` is created → all run.

    `busy_cores` as in the function of that name, from the creation until all is gone.
    """
    valid = [run.to_json() for run in runs if run.status is Status.VALID]
    frame = pd.DataFrame(valid)
    if frame.empty:
        return frame
    for step, (first, last) in STEPS.items():
        since = frame[first].astype("float64").fillna(0.0) if first else 0.0
        frame[step] = frame[last].astype("float64") - since
    busy = busy_cores(frame, over="gone_s")
    return frame.assign(all_run=frame["pods_running_s"], busy_cores=busy)


def busy_cores(frame: pd.DataFrame, *, over: str) -> pd.Series[float]:
    """Cores that cluster, controllers and study kept busy in each row, on average."""
    cpu = [name for name in map(str, frame) if name.startswith("cpu_") and name.endswith("_s")]
    return frame[cpu].astype("float64").sum(axis=1) / frame[over].astype("float64")


def medians(frame: pd.DataFrame, *, by: str = "nodes") -> pd.DataFrame:
    """One row per arm and size, such as node count: `n` and the median of every number."""
    groups = frame.groupby(["arm", by], sort=False)
    table = groups.median(numeric_only=True)
    return table.assign(n=groups.size()).reset_index().sort_values(["arm", by])


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Arms side by side at one size: a row of text each, seconds without and with Kueue."""

    size: int
    rows: list[list[str]]


def side_by_side(
    table: pd.DataFrame, names: Mapping[str, str], *, by: str, columns: Sequence[str]
) -> Comparison | None:
    """The arms at the largest size that several have; None without such a size.

    A row is an arm's title and, of each column, its median beside that of the same arm with Kueue.
    """
    alone = {arm: title for arm, title in names.items() if QUEUED not in arm}
    size = largest_shared(table, alone, by=by, least=LEAST_FOR_A_COMPARISON)
    if size is None:
        return None
    at = table[table[by] == size].set_index("arm")
    rows = [
        [title, *(_at(at, each, column) for column in columns for each in (arm, arm + QUEUED))]
        for arm, title in alone.items()
        if arm in at.index
    ]
    return Comparison(size=size, rows=rows)


def largest_shared(
    table: pd.DataFrame, arms: Collection[str], *, by: str, least: int
) -> int | None:
    """The largest size that at least so many of the arms have; None without one."""
    counts = table[table["arm"].isin(arms)].groupby(by)["arm"].nunique()
    shared = counts[counts >= least]
    return None if shared.empty else int(max(shared.index))


def _at(cells: pd.DataFrame, arm: str, column: str) -> str:
    """A median as text; `-` where the arm has none."""
    if arm not in cells.index or pd.isna(value := cells[column][arm]):
        return "-"
    return f"{value:.1f}"


def power(nodes: Iterable[float], seconds: Iterable[float]) -> float:
    """The exponent k of seconds ∝ nodes^k, by least squares on logarithms; NaN below 3 sizes."""
    pairs = [(n, s) for n, s in zip(nodes, seconds, strict=True) if s > 0]
    if len(pairs) < LEAST_FOR_POWER:
        return float("nan")
    x, y = np.log(np.array(pairs)).T
    return float(np.polyfit(x, y, 1)[0])
