"""The summary as plain text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from tabulate import tabulate

from include.analysis.labels import NONE, amount
from include.analysis.quantities import compared, primaries
from include.analysis.summary import column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.analysis import Analysis
    from include.analysis.quantities import Quantity


def summary_text(analysis: Analysis) -> str:
    """Aligned columns, one line per cell: n, medians, and the figure of merit's extremes.

    `n` counts valid repeats; `failed` counts failed and invalid points.
    """
    shown, figures = compared(analysis.frame), primaries(analysis.frame)
    problem = ["problem"] if analysis.summary["problem"].ne("").any() else []
    spreads = [f"{figure.header.rsplit(' ', 1)[0]} spread" for figure in figures]
    header = ("operator", *problem, "nodes", "ranks", "n", *(q.header for q in shown), *spreads)
    rows = [
        _row(row, shown, figures, has_problems=bool(problem))
        for row in analysis.summary.to_dict(orient="records")
    ]
    if not rows:
        return "no point has a record\n"
    lines = [(*header, "failed"), *rows]
    sides = ("left", *("right" for _ in lines[0][1:]))
    table = tabulate(lines, tablefmt="plain", disable_numparse=True, colalign=sides)
    return f"{table}\n"


def _row(
    row: dict[Any, Any],
    quantities: Sequence[Quantity],
    figures: Sequence[Quantity],
    *,
    has_problems: bool,
) -> tuple[str, ...]:
    problem = [str(row["problem"])] if has_problems else []
    medians = (
        amount(row[column(each.name, "median")], each.unit, each.step_s) for each in quantities
    )
    counts = (NONE if pd.isna(row[name]) else f"{row[name]:,}" for name in ("nodes", "ranks", "n"))
    bad = str(row["n_failed"] + row["n_invalid"])
    spreads = (_spread(row, figure) for figure in figures)
    return (str(row["k8s_operator"]), *problem, *counts, *medians, *spreads, bad)


def _spread(row: dict[Any, Any], figure: Quantity) -> str:
    least, most = (row[column(figure.name, each)] for each in ("min", "max"))
    if pd.isna(least):
        return NONE
    return f"{amount(least, figure.unit)} to {amount(most, figure.unit)}"
