"""Drift of a cell's figure of merit in the order in which its runs ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import spearmanr

from include.analysis.bootstrap import QUICK_RESAMPLES, median_difference
from include.analysis.cells import CELL, counted, in_order, operator_order
from include.analysis.intervals import LEAST_N, LEVEL
from include.analysis.quantities import primaries

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLOATS = (
    *("spearman_rho", "spearman_p"),
    *("half_change_percent", "half_change_low_percent", "half_change_high_percent"),
)
COLUMNS = (*CELL, "n", *_FLOATS, "is_drift")


def drift(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """One row per cell: the trend of its figure of merit over its runs. Columns `COLUMNS`.

    `spearman_rho` and its two-sided p-value: rank correlation of the figure and the order.
    `half_change_percent`: median of the later half relative to the earlier half, with its
    bootstrap interval; the middle run of an odd number is in neither half. `is_drift`: p below
    5 %, not corrected for the number of cells, as it only ever withholds a verdict. NaN below
    `LEAST_N` runs, or when all are equal.
    """
    ordered = counted(frame).sort_values("order_index", kind="stable")
    rows = [
        {**dict(zip(CELL, key, strict=True)), **_cell(cell, figure.name)}
        for figure in primaries(frame)
        for key, cell in ordered.dropna(subset=[figure.name]).groupby(list(CELL), sort=False)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(_FLOATS, "float64") | {"is_drift": "bool"})
    return in_order(table, operator_order(frame, operators))


def _cell(cell: pd.DataFrame, figure: str) -> dict[str, Any]:
    values = cell[figure]
    row: dict[str, Any] = {"n": len(values), "is_drift": False}
    if len(values) < LEAST_N or values.min() == values.max():
        return row
    rho, p_value = spearmanr(cell["order_index"], values)
    half = len(values) // 2
    early, late = values.iloc[:half].tolist(), values.iloc[-half:].tolist()
    change = median_difference(late, baseline=early, seed=1, resamples=QUICK_RESAMPLES)
    return row | {
        "spearman_rho": float(rho),
        "spearman_p": float(p_value),
        "half_change_percent": 100 * change.relative,
        "half_change_low_percent": 100 * change.relative_low,
        "half_change_high_percent": 100 * change.relative_high,
        "is_drift": bool(p_value < 1 - LEVEL),
    }
