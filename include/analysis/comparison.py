"""Two operators at one size: the difference of their medians, and its certainty."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from include.analysis.bootstrap import RESAMPLES, median_difference, relative
from include.analysis.cells import SIZE, counted, operator_order
from include.analysis.intervals import LEAST_N, LEVEL
from include.analysis.quantities import compared, with_derived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.quantities import Quantity

ALPHA = 1 - LEVEL
LEAST_RESAMPLES = 10_000
RESAMPLES_IN_ALL = 1_500_000
COLUMNS = (
    *("quantity", *SIZE, "operator", "baseline", "n_operator", "n_baseline"),
    *("unit", "difference", "low", "high"),
    *("difference_percent", "low_percent", "high_percent"),
    *("cliffs_delta", "mann_whitney_p", "holm_p", "is_significant"),
)
_WORDS = ("quantity", "problem", "operator", "baseline", "unit")
_FLOATS = (
    *("difference", "low", "high", "difference_percent", "low_percent", "high_percent"),
    *("cliffs_delta", "mann_whitney_p", "holm_p"),
)


def compare(frame: pd.DataFrame, *, operators: Sequence[str] = (), seed: int = 1) -> pd.DataFrame:
    """One row per quantity, size and pair of operators that both have counted values there.

    Columns `COLUMNS`. A difference is operator minus baseline, the one of the two that stands
    first in the order of operators; of a time, negative is faster. Intervals: `LEVEL`, bootstrap,
    NaN below `LEAST_N` values in either. Cliff's delta: +1, every value of the operator is greater
    than each of the baseline's; -1, less. `holm_p` is the two-sided Mann-Whitney p-value corrected
    by Holm for all the rows of its quantity, and for those of all the application's figures
    together. `is_significant`: that below 5 % and an interval without 0.
    """
    runs = with_derived(counted(frame))
    order = operator_order(frame, operators)
    every = compared(frame)
    families = {each.family: [q for q in every if q.family == each.family] for each in every}
    rows = [
        row
        for quantities in families.values()
        for row in _corrected(
            [row for each in quantities for row in _rows(runs, each, order=order, seed=seed)]
        )
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_FLOATS, "float64") | dict.fromkeys(_WORDS, "str"))


def resamples_for(pairs: int) -> int:
    """Number of bootstrap samples, smaller for hundreds of pairs but never too small."""
    return max(LEAST_RESAMPLES, min(RESAMPLES, RESAMPLES_IN_ALL // max(pairs, 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in the given order; NaN stays and is not counted.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    known = [index for index, p in enumerate(p_values) if not np.isnan(p)]
    corrected = [float("nan")] * len(p_values)
    least = 0.0
    for place, index in enumerate(sorted(known, key=lambda index: p_values[index])):
        least = max(least, min(1.0, p_values[index] * (len(known) - place)))
        corrected[index] = least
    return corrected


def _rows(
    runs: pd.DataFrame, quantity: Quantity, *, order: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    known = runs.dropna(subset=[quantity.name])
    resamples = resamples_for(known.groupby(list(SIZE)).ngroups)
    rows = []
    for size, cell in known.groupby(list(SIZE), sort=True):
        samples = {str(name): group for name, group in cell.groupby("k8s_operator")[quantity.name]}
        for baseline, operator in combinations([name for name in order if name in samples], 2):
            key = dict(zip(SIZE, size, strict=True))
            values, others = (samples[name].tolist() for name in (operator, baseline))
            pair = _pair(values, baseline=others, seed=seed, resamples=resamples)
            rows.append(
                {"quantity": quantity.name, **key, "unit": quantity.unit}
                | {"operator": operator, "baseline": baseline, **pair}
            )
    return rows


def _pair(
    values: Sequence[float], *, baseline: Sequence[float], seed: int, resamples: int = RESAMPLES
) -> dict[str, Any]:
    middle, reference = float(np.median(values)), float(np.median(baseline))
    row: dict[str, Any] = {
        "n_operator": len(values),
        "n_baseline": len(baseline),
        "difference": middle - reference,
        "difference_percent": 100 * relative(middle, reference),
    }
    if min(len(values), len(baseline)) < LEAST_N:  # too few for an interval
        return row | {"mann_whitney_p": float("nan")}
    difference = median_difference(values, baseline=baseline, seed=seed, resamples=resamples)
    statistic, p_value = mannwhitneyu(values, baseline, alternative="two-sided")
    return row | {
        "low": difference.low,
        "high": difference.high,
        "low_percent": 100 * difference.relative_low,
        "high_percent": 100 * difference.relative_high,
        "cliffs_delta": 2 * float(statistic) / (len(values) * len(baseline)) - 1,
        "mann_whitney_p": float(p_value),
    }


def _p_value(values: Sequence[float], baseline: Sequence[float]) -> float:
    return float(mannwhitneyu(values, baseline, alternative="two-sided").pvalue)


def _corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    corrected = holm([row["mann_whitney_p"] for row in rows])
    return [
        row
        | {
            "holm_p": p,
            "is_significant": p < ALPHA and (row["low"] > 0 or row["high"] < 0),
        }
        for row, p in zip(rows, corrected, strict=True)
    ]
