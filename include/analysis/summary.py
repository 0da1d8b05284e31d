"""One row per cell: how many runs, and where their times lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from include.analysis.cells import CELL, in_order, operator_order
from include.analysis.derived import with_derived
from include.analysis.intervals import LEAST_N, median_interval
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

QUANTITIES = ("loop_time_s", "launcher_time_s", "launch_overhead_s", "end_to_end_s")
STATISTICS = ("n", "median", "q25", "q75", "min", "max", "low", "high")
COUNTS = ("n", "n_warmups", "n_failed", "n_invalid")


def column(quantity: str, statistic: str) -> str:
    """Name of a summary column, its unit last: `loop_time_median_s`; counts: `loop_time_n`."""
    stem = quantity.removesuffix("_s")
    return f"{stem}_n" if statistic == "n" else f"{stem}_{statistic}_s"


COLUMNS = (
    *CELL,
    *COUNTS,
    *(column(quantity, statistic) for quantity in QUANTITIES for statistic in STATISTICS),
    "interval_note",
)


def summarise(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """One row per operator, node count and ranks, with the columns `COLUMNS`.

    `n` counts valid records that are no warm-ups, `n_warmups` valid warm-ups, `n_failed` and
    `n_invalid` all the others, so the four add up to the cell's records. Per quantity, seconds:
    its own n (a valid record may lack it), median, quartiles, extremes, and `low` and `high`, the
    95 % order-statistic interval of the median; NaN below six values, as `interval_note` says.
    Records whose size is not known are rows of their own, with empty nodes and ranks.
    """
    derived = with_derived(frame)
    groups = derived.groupby(list(CELL), sort=False, dropna=False).ngroup().to_numpy()
    cells = _Columns(derived)
    keys = derived[list(CELL)]
    rows = []
    for places in _places(groups):
        key = keys.iloc[places[0]]
        rows.append({**key.to_dict(), **_cell(cells, places)})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return in_order(_typed(table), operator_order(frame, operators))


def known_quantities(summary: pd.DataFrame) -> tuple[str, ...]:
    """The quantities that some cell of a summary has values of."""
    return tuple(q for q in QUANTITIES if summary[column(q, "median")].notna().any())


class _Columns:
    """The columns as arrays: taking a cell's rows of a frame, thousands of times, takes seconds."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.status = frame["status"].to_numpy(dtype=object)
        self.is_warmup = frame["is_warmup"].to_numpy(dtype=bool)
        self.seconds = {q: frame[q].to_numpy(dtype=np.float64) for q in QUANTITIES}


def _places(groups: NDArray[Any]) -> list[NDArray[np.intp]]:
    """The places of each group's rows, by number of group."""
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    return [part for part in np.split(order, ends) if len(part)]


def _cell(columns: _Columns, places: NDArray[np.intp]) -> dict[str, Any]:
    status = columns.status[places]
    is_valid = status == Status.VALID
    is_counted = is_valid & ~columns.is_warmup[places]
    row: dict[str, Any] = {
        "n": int(is_counted.sum()),
        "n_warmups": int(is_valid.sum() - is_counted.sum()),
        "n_failed": int((status == Status.FAILED).sum()),
        "n_invalid": int((status == Status.INVALID).sum()),
    }
    for quantity in QUANTITIES:
        values = columns.seconds[quantity][places[is_counted]]
        found = _statistics(values[~np.isnan(values)])
        row |= {column(quantity, name): value for name, value in found.items()}
    row["interval_note"] = _note(row)
    return row


def _statistics(values: NDArray[np.float64]) -> dict[str, Any]:
    if not len(values):
        return {"n": 0}
    interval = median_interval(values.tolist())
    q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75])
    return {
        "n": len(values),
        "median": median,
        "q25": q25,
        "q75": q75,
        "min": values.min(),
        "max": values.max(),
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
    }


def _note(row: dict[str, Any]) -> str:
    counts = [row[column(quantity, "n")] for quantity in QUANTITIES]
    least = min((n for n in counts if n), default=0)  # what nobody measured needs no note
    if least >= LEAST_N:
        return ""
    return f"no 95 % interval of the median: {least} valid values, {LEAST_N} are needed"


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    dtypes = dict.fromkeys(table.columns, "float64")
    dtypes |= dict.fromkeys(COUNTS, "int64") | {"nodes": "Int64", "ranks": "Int64"}
    dtypes |= {column(quantity, "n"): "int64" for quantity in QUANTITIES}
    return table.astype({**dtypes, "k8s_operator": "str", "interval_note": "str"})
