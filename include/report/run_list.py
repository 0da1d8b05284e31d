"""Every run as a row: its value, its deviation from its cell's median, and its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.cells import CELL, counted
from include.analysis.labels import amount, count, operator_title, signed
from include.analysis.quantities import HOUSE, primaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from include.analysis.quantities import Quantity
    from include.report.point_files import Link

LAUNCHER = HOUSE[0]  # stand-in for an undeclared figure of merit
OUTLIER_PERCENT = 5.0
_OUTLIER_DEVIATIONS = 5.0  # median absolute deviations


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as listed in the report."""

    anchor: str
    cell: RunCell
    title: str
    place: int  # in the order of all runs
    status: str
    value: str
    deviation: str  # percent with its sign, empty when the run does not count
    is_outlier: bool
    links: tuple[Link, ...]  # to its log, its manifest and more


@dataclass(frozen=True, kw_only=True)
class RunCell:
    """The operator and size that a run is listed under."""

    anchor: str
    title: str
    size: tuple[int, int]  # nodes and ranks, 0 where unknown


def cell_of(row: Mapping[Any, Any]) -> RunCell:
    """The cell of a row of records, or of a summary."""
    nodes, ranks = (0 if pd.isna(row[name]) else int(row[name]) for name in ("nodes", "ranks"))
    size = count(nodes, "node") if nodes else "size unknown"
    parts = [operator_title(row["k8s_operator"]), size, row["problem"]]
    title = ", ".join(part for part in parts if part)
    key = (row["k8s_operator"], str(nodes), str(ranks), row["problem"])
    return RunCell(anchor=_slug("cell", *key), title=title, size=(nodes, ranks))


def _slug(*words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def deviations(frame: pd.DataFrame, figure: str) -> pd.Series[float]:
    """Deviation of each counted run from the median of its cell, in percent; NaN for others."""
    runs = counted(frame).dropna(subset=[figure])
    medians = runs.groupby(list(CELL))[figure].transform("median")
    return (100 * (runs[figure] / medians - 1)).reindex(frame.index)


def outliers(frame: pd.DataFrame, figure: str) -> pd.Series[bool]:
    """True for runs far from their cell, both in percent and by the cell's own spread."""
    away = deviations(frame, figure)
    runs = frame.assign(_away=away.abs())
    spread = runs.groupby(list(CELL), dropna=False)["_away"].transform("median")
    return (away.abs() > OUTLIER_PERCENT) & (away.abs() > _OUTLIER_DEVIATIONS * spread)


def list_runs(
    frame: pd.DataFrame, *, links: Mapping[tuple[str, str], Sequence[Link]] | None = None
) -> tuple[Run, ...]:
    """All records by cell, in the order of the runs, with their application's figure of merit.

    `links` are those to their files, by study and point.
    """
    figure = next((each for each in primaries(frame)), LAUNCHER)
    ordered = frame.assign(
        _away=deviations(frame, figure.name), _is_outlier=outliers(frame, figure.name)
    ).sort_values("order_index", kind="stable")
    runs = [
        _run(row, figure, place=place, links=links or {})
        for place, row in enumerate(ordered.to_dict(orient="records"), start=1)
    ]
    cells = {cell: at for at, cell in enumerate(dict.fromkeys(run.cell for run in runs))}
    return tuple(sorted(runs, key=lambda run: (run.cell.size, cells[run.cell])))


def _run(
    row: dict[Any, Any],
    figure: Quantity,
    *,
    place: int,
    links: Mapping[tuple[str, str], Sequence[Link]],
) -> Run:
    kind = "warm-up" if row["is_warmup"] else "repeat"
    number = "" if pd.isna(row["repeat"]) else f" {int(row['repeat'])}"
    away, key = row["_away"], (str(row["study_id"]), str(row["point_id"]))
    cell = cell_of(row)
    return Run(
        anchor=_slug("run", *key),
        cell=cell,
        title=f"{cell.title}, {kind}{number}",
        place=place,
        status=str(row["status"]),
        value="" if pd.isna(row[figure.name]) else amount(row[figure.name], figure.unit),
        deviation="" if pd.isna(away) else f"{signed(away)} %",
        is_outlier=bool(row["_is_outlier"]),
        links=tuple(links.get(key, ())),
    )
