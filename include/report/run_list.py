"""Every run as a row: its value, how far it lies from its cell's median, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.cells import CELL, counted
from include.analysis.quantities import HOUSE, primaries
from include.report.labels import count, operator_title, signed
from include.report.text import amount

if TYPE_CHECKING:
    from collections.abc import Collection

    from include.analysis.quantities import Quantity

LAUNCHER = HOUSE[0]  # of an application that declares no figure of merit
OUTLIER_PERCENT = 5.0
_OUTLIER_DEVIATIONS = 5.0  # median absolute deviations
_SHOWN = ("job.log", "manifest.yaml", "events.json")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as the report lists it."""

    point_id: str
    title: str
    status: str
    value: str
    deviation: str  # in percent with its sign, empty when the run does not count
    is_outlier: bool
    files: tuple[str, ...]  # below the point's folder


def deviations(frame: pd.DataFrame, figure: str) -> pd.Series[float]:
    """Percent by which each counted run lies above the median of its cell; NaN for others."""
    runs = counted(frame).dropna(subset=[figure])
    medians = runs.groupby(list(CELL))[figure].transform("median")
    return (100 * (runs[figure] / medians - 1)).reindex(frame.index)


def outliers(frame: pd.DataFrame, figure: str) -> pd.Series[bool]:
    """True if a run lies far from its cell: by percent, and by the cell's own spread."""
    away = deviations(frame, figure)
    runs = frame.assign(_away=away.abs())
    spread = runs.groupby(list(CELL), dropna=False)["_away"].transform("median")
    return (away.abs() > OUTLIER_PERCENT) & (away.abs() > _OUTLIER_DEVIATIONS * spread)


def list_runs(frame: pd.DataFrame, *, stored: Collection[tuple[str, str]] = ()) -> tuple[Run, ...]:
    """All records in the order of the runs, with the figure of merit of their application.

    `stored` are the points' files by id and name.
    """
    figure = next((each for each in primaries(frame)), LAUNCHER)
    ordered = frame.assign(
        _away=deviations(frame, figure.name), _is_outlier=outliers(frame, figure.name)
    ).sort_values("order_index", kind="stable")
    return tuple(_run(row, figure, stored) for row in ordered.to_dict(orient="records"))


def _run(row: dict[Any, Any], figure: Quantity, stored: Collection[tuple[str, str]]) -> Run:
    nodes = "size unknown" if pd.isna(row["nodes"]) else count(int(row["nodes"]), "node")
    kind = "warm-up" if row["is_warmup"] else "repeat"
    away = row["_away"]
    point_id = str(row["point_id"])
    return Run(
        point_id=point_id,
        title=f"{operator_title(row['k8s_operator'])}, {nodes}, {kind} {row['repeat']}",
        status=str(row["status"]),
        value="" if pd.isna(row[figure.name]) else amount(row[figure.name], figure.unit),
        deviation="" if pd.isna(away) else f"{signed(away)} %",
        is_outlier=bool(row["_is_outlier"]),
        files=tuple(name for name in _SHOWN if (point_id, name) in stored),
    )
