"""How much faster an operator's runs become with more nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.bootstrap import median_ratio_interval
from include.analysis.cells import CELL, counted, in_order, operator_order
from include.analysis.intervals import LEAST_N

if TYPE_CHECKING:
    from collections.abc import Sequence

QUANTITY = "loop_time_s"
COLUMNS = (
    *(*CELL, "n", "loop_time_median_s", "speed_up", "speed_up_low", "speed_up_high"),
    *("efficiency_percent", "efficiency_low_percent", "efficiency_high_percent"),
)


def scaling(frame: pd.DataFrame, *, operators: Sequence[str] = (), seed: int = 1) -> pd.DataFrame:
    """One row per cell: speed-up and parallel efficiency of the loop time. Columns `COLUMNS`.

    Speed-up: median at the operator's smallest size / median here. Efficiency: the speed-up in
    percent of the ratio of ranks, so 100 % at the smallest size. Bootstrap intervals; NaN below
    `LEAST_N` values in either cell. Means nothing where the sizes share cores.
    """
    runs = counted(frame).dropna(subset=[QUANTITY])
    rows = [
        row
        for name, own in runs.groupby("k8s_operator", sort=False)
        for row in _operator(str(name), own, seed=seed)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(COLUMNS[len(CELL) + 1 :], "float64"))
    return in_order(table, operator_order(frame, operators))


def _operator(name: str, runs: pd.DataFrame, *, seed: int) -> list[dict[str, Any]]:
    groups: Any = runs.groupby(["nodes", "ranks"], sort=True)[QUANTITY]
    cells: dict[tuple[int, int], pd.Series[float]] = dict(iter(groups))
    smallest, first = next(iter(cells.items()))
    return [
        {"k8s_operator": name, "nodes": size[0], "ranks": size[1], "n": len(values)}
        | {"loop_time_median_s": values.median()}
        | _against(values, first, growth=size[1] / smallest[1], seed=seed)
        for size, values in cells.items()
    ]


def _against(
    values: pd.Series[float], first: pd.Series[float], *, growth: float, seed: int
) -> dict[str, float]:
    speed_up = first.median() / values.median() if values.median() else float("nan")
    row = {"speed_up": speed_up, "efficiency_percent": 100 * speed_up / growth}
    if values is first or min(len(values), len(first)) < LEAST_N or not values.min():
        return row
    low, high = median_ratio_interval(values.tolist(), baseline=first.tolist(), seed=seed)
    return row | {
        "speed_up_low": low,
        "speed_up_high": high,
        "efficiency_low_percent": 100 * low / growth,
        "efficiency_high_percent": 100 * high / growth,
    }
