"""The speed-up of an operator's runs with more nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.bootstrap import median_ratio_interval
from include.analysis.cells import CELL, counted, in_order, operator_order
from include.analysis.intervals import LEAST_N
from include.analysis.quantities import primaries
from include.analysis.summary import column
from include.models.figures import Better

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.quantities import Quantity

RATIOS = (
    *("speed_up", "speed_up_low", "speed_up_high"),
    *("efficiency_percent", "efficiency_low_percent", "efficiency_high_percent"),
)


def scaling(frame: pd.DataFrame, *, operators: Sequence[str] = (), seed: int = 1) -> pd.DataFrame:
    """One row per cell: speed-up and parallel efficiency of the figure of merit.

    Columns: `CELL`, n, the figure's median, `RATIOS`. Speed-up is the ratio to the operator's
    smallest size. Efficiency is the speed-up in percent of the ratio of ranks, so 100 % at the
    smallest size. Bootstrap intervals; NaN below `LEAST_N` values in either cell. Meaningless
    where the sizes share cores; a figure that need not scale has no rows.
    """
    runs = counted(frame)
    figures = [figure for figure in primaries(frame) if figure.scales]
    rows = [
        row
        for figure in figures
        for (name, problem), own in runs.dropna(subset=[figure.name]).groupby(
            ["k8s_operator", "problem"], sort=False
        )
        for row in _cells(own, figure, labels={"k8s_operator": name, "problem": problem}, seed=seed)
    ]
    medians = [column(figure.name, "median") for figure in figures]
    table = pd.DataFrame(rows, columns=[*CELL, "n", *medians, *RATIOS])
    table = table.astype(dict.fromkeys([*medians, *RATIOS], "float64"))
    return in_order(table, operator_order(frame, operators))


def _cells(
    runs: pd.DataFrame, figure: Quantity, *, labels: dict[str, Any], seed: int
) -> list[dict[str, Any]]:
    groups: Any = runs.groupby(["nodes", "ranks"], sort=True)[figure.name]
    cells: dict[tuple[int, int], pd.Series[float]] = dict(iter(groups))
    smallest, first = next(iter(cells.items()))
    return [
        {**labels, "nodes": size[0], "ranks": size[1], "n": len(values)}
        | {column(figure.name, "median"): values.median()}
        | _against(
            _times(values, figure),
            None if values is first else _times(first, figure),
            growth=size[1] / smallest[1],
            seed=seed,
        )
        for size, values in cells.items()
    ]


def _times(values: pd.Series[float], figure: Quantity) -> pd.Series[float]:
    """Values for which less is better: for a rate, the time per unit of work."""
    return 1 / values if figure.better is Better.HIGHER else values


def _against(
    values: pd.Series[float], first: pd.Series[float] | None, *, growth: float, seed: int
) -> dict[str, float]:
    """The ratios to the smallest size; with `first` None, the values are of that size."""
    reference = (values if first is None else first).median()
    speed_up = reference / values.median() if values.median() else float("nan")
    row = {"speed_up": speed_up, "efficiency_percent": 100 * speed_up / growth}
    if first is None or min(len(values), len(first)) < LEAST_N or not values.min():
        return row
    low, high = median_ratio_interval(values.tolist(), baseline=first.tolist(), seed=seed)
    return row | {
        "speed_up_low": low,
        "speed_up_high": high,
        "efficiency_low_percent": 100 * low / growth,
        "efficiency_high_percent": 100 * high / growth,
    }
