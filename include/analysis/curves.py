"""Curves: a figure over message size, by operator, with intervals and a verdict per size."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from include.analysis.cells import CELL, SIZE, counted, operator_order
from include.analysis.comparison import ALPHA, holm
from include.analysis.intervals import LEAST_N, median_interval
from include.analysis.quantities import curves

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = ("curve", "unit", "axis", "at", *CELL, "n", "median", "low", "high")
PAIRS = (
    *("curve", "unit", "axis", "at", *SIZE, "operator", "baseline", "n_operator", "n_baseline"),
    *("difference_percent", "mann_whitney_p", "holm_p", "is_significant"),
)
_KEYS = ("curve", "unit", "axis", *SIZE, "at")


def curve_points(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """One row per curve, cell and value on the axis: `POINTS`.

    `low` and `high`: the 95 % order-statistic interval of the median, NaN below `LEAST_N` runs.
    """
    place = {name: index for index, name in enumerate(operator_order(frame, operators))}
    rows = []
    for key, cell in _values(frame).groupby(["curve", "unit", "axis", *CELL, "at"], sort=True):
        values = cell["value"].tolist()
        interval = median_interval(values)
        rows.append(
            dict(zip(("curve", "unit", "axis", *CELL, "at"), key, strict=True))
            | {"n": len(values), "median": float(np.median(values))}
            | {
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
            }
        )
    table = pd.DataFrame(rows, columns=list(POINTS)).astype({"low": "float64", "high": "float64"})
    order = table["k8s_operator"].map(place)
    return (
        table.assign(order=order)
        .sort_values(["curve", *SIZE, "order", "at"], kind="stable")
        .drop(columns="order")
        .reset_index(drop=True)
    )


def curve_pairs(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """One row per curve, size, pair of operators and value on the axis: `PAIRS`.

    The p-values of a curve are corrected by Holm for all its rows. A difference is operator minus
    baseline, in percent of the baseline's median.
    """
    order = operator_order(frame, operators)
    rows: list[dict[str, Any]] = []
    for _, curve in _values(frame).groupby("curve", sort=False):
        pairs = [
            row
            for key, cell in curve.groupby(list(_KEYS), sort=True)
            for row in _pairs(dict(zip(_KEYS, key, strict=True)), cell, order)
        ]
        corrected = holm([row["mann_whitney_p"] for row in pairs])
        rows += [
            row | {"holm_p": p, "is_significant": bool(p < ALPHA)}
            for row, p in zip(pairs, corrected, strict=True)
        ]
    return pd.DataFrame(rows, columns=list(PAIRS))


def _pairs(key: dict[str, Any], cell: pd.DataFrame, order: Sequence[str]) -> list[dict[str, Any]]:
    samples = {str(name): values for name, values in cell.groupby("k8s_operator")["value"]}
    rows = []
    for baseline, operator in combinations([name for name in order if name in samples], 2):
        ours, theirs = samples[operator], samples[baseline]
        is_enough = min(len(ours), len(theirs)) >= LEAST_N
        p = float(mannwhitneyu(ours, theirs).pvalue) if is_enough else float("nan")
        reference = float(theirs.median())
        rows.append(
            key
            | {"operator": operator, "baseline": baseline}
            | {"n_operator": len(ours), "n_baseline": len(theirs)}
            | {"difference_percent": 100 * (float(ours.median()) - reference) / reference}
            | {"mann_whitney_p": p}
        )
    return rows


def _values(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per counted run, curve and value on the axis."""
    declared = {figure.name: figure for figure in curves(frame)}
    rows = [
        {"curve": name, "unit": declared[name].unit, "axis": declared[name].axis}
        | {column: run[column] for column in CELL}
        | {"at": int(at), "value": value}
        for run in counted(frame).to_dict(orient="records")
        if run["curves"]
        for name, points in json.loads(run["curves"]).items()
        if name in declared
        for at, value in points.items()
    ]
    return pd.DataFrame(rows, columns=["curve", "unit", "axis", *CELL, "at", "value"])


def curve_sentences(pairs: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on the sizes of a curve for each pair, one per size of the job."""
    sentences = []
    keys = ["curve", *SIZE, "operator", "baseline"]
    for key, rows in pairs.groupby(keys, sort=False):
        curve, nodes, _, problem, operator, baseline = key
        different = rows[rows["is_significant"]]
        more = int(different["difference_percent"].gt(0).sum())
        where = f"{nodes:,} nodes" + (f", {problem}" if problem else "")
        if rows["mann_whitney_p"].isna().all():
            text = f"fewer than {LEAST_N} runs of each, so no size is told apart"
        else:
            text = (
                f"of {len(rows)} sizes {len(different)} differ after correction for their number: "
                f"{operator} has more at {more}, less at {len(different) - more}, than {baseline}"
            )
        sentences.append(f"{str(curve).replace('_', ' ')}, {where}: {text}.")
    return tuple(sentences)
