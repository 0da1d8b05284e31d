"""One row per cell: the number of runs, and the distribution of their times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from include.analysis.cells import CELL, in_order, operator_order
from include.analysis.intervals import LEAST_N, median_interval
from include.analysis.quantities import compared, with_derived
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from include.analysis.quantities import Quantity

STATISTICS = ("n", "median", "q25", "q75", "min", "max", "low", "high")
COUNTS = ("n", "n_warmups", "n_failed", "n_invalid")


def column(quantity: str, statistic: str) -> str:
    """Name of a summary column, seconds last: `loop_time_median_s`; counts: `loop_time_n`."""
    is_time = quantity.endswith("_s") and not quantity.endswith("_per_s")
    stem = quantity.removesuffix("_s") if is_time else quantity
    return f"{stem}_{statistic}_s" if is_time and statistic != "n" else f"{stem}_{statistic}"


def columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a frame's summary."""
    return (
        *CELL,
        *COUNTS,
        *(column(each.name, name) for each in compared(frame) for name in STATISTICS),
        "interval_note",
    )


def summarise(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """One row per operator, size and problem, with the columns of `columns`.

    `n` counts valid records except warm-ups, `n_warmups` valid warm-ups, `n_failed` and
    `n_invalid` all others, so the four add up to the cell's records. Per quantity, in its unit:
    its own n (a valid record may lack it), median, quartiles, extremes, and `low` and `high`,
    the 95 % order-statistic interval of the median; NaN below six values, as `interval_note`
    says. Records of unknown size have rows of their own, with empty nodes and ranks.
    """
    derived = with_derived(frame)
    groups = derived.groupby(list(CELL), sort=False, dropna=False).ngroup().to_numpy()
    names = [each.name for each in compared(frame)]
    cells = _Columns(derived, names)
    keys = derived[list(CELL)]
    rows = []
    for places in _places(groups):
        key = keys.iloc[places[0]]
        rows.append({**key.to_dict(), **_cell(cells, places)})
    table = pd.DataFrame(rows, columns=list(columns(frame)))
    return in_order(_typed(table, names), operator_order(frame, operators))


def known_quantities(frame: pd.DataFrame, summary: pd.DataFrame) -> tuple[Quantity, ...]:
    """The compared quantities of a frame that have values in some cell of its summary."""
    return tuple(
        each for each in compared(frame) if summary[column(each.name, "median")].notna().any()
    )


class _Columns:
    """The columns as arrays: selecting a cell's rows of a frame thousands of times is slow."""

    def __init__(self, frame: pd.DataFrame, quantities: Sequence[str]) -> None:
        self.status = frame["status"].to_numpy(dtype=object)
        self.is_warmup = frame["is_warmup"].to_numpy(dtype=bool)
        self.by_name = {q: frame[q].to_numpy(dtype=np.float64) for q in quantities}


def _places(groups: NDArray[Any]) -> list[NDArray[np.intp]]:
    """The row positions of each group, by its number."""
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
    for quantity, every in columns.by_name.items():
        values = every[places[is_counted]]
        statistics = _statistics(values[~np.isnan(values)])
        row |= {column(quantity, name): value for name, value in statistics.items()}
    row["interval_note"] = _note(row[column(quantity, "n")] for quantity in columns.by_name)
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


def _note(counts: Iterable[int]) -> str:
    least = min((n for n in counts if n), default=0)  # an unmeasured quantity needs no note
    if least >= LEAST_N:
        return ""
    return f"no 95 % interval of the median: {least} valid values, {LEAST_N} are needed"


def _typed(table: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    dtypes = dict.fromkeys(table.columns, "float64")
    dtypes |= dict.fromkeys(COUNTS, "int64") | {"nodes": "Int64", "ranks": "Int64"}
    dtypes |= {column(quantity, "n"): "int64" for quantity in quantities}
    words = ("k8s_operator", "problem", "interval_note")
    return table.astype({**dtypes, **dict.fromkeys(words, "str")})
