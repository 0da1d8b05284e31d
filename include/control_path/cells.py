"""Medians of a cell's runs, and how a step grows with the number of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """Valid runs with a column per step, in seconds; `all_run` is created → all run."""
    valid = [run.to_json() for run in runs if run.status is Status.VALID]
    frame = pd.DataFrame(valid)
    if frame.empty:
        return frame
    for step, (first, last) in STEPS.items():
        since = frame[first].astype("float64").fillna(0.0) if first else 0.0
        frame[step] = frame[last].astype("float64") - since
    return frame.assign(all_run=frame["pods_running_s"])


def medians(frame: pd.DataFrame, *, by: str = "nodes") -> pd.DataFrame:
    """One row per arm and size, such as node count: `n` and the median of every number."""
    groups = frame.groupby(["arm", by], sort=False)
    table = groups.median(numeric_only=True)
    return table.assign(n=groups.size()).reset_index().sort_values(["arm", by])


def power(nodes: Iterable[float], seconds: Iterable[float]) -> float:
    """The exponent k of seconds ∝ nodes^k, by least squares on logarithms; NaN below 3 sizes."""
    pairs = [(n, s) for n, s in zip(nodes, seconds, strict=True) if s > 0]
    if len(pairs) < LEAST_FOR_POWER:
        return float("nan")
    x, y = np.log(np.array(pairs)).T
    return float(np.polyfit(x, y, 1)[0])
