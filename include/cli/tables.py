"""The table of `opbench show`: a row per size, as benchstat prints it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.labels import NONE, amount, operator_title, p_value, signed
from include.analysis.quantities import primaries
from include.analysis.summary import column

if TYPE_CHECKING:
    from include.analysis.analysis import Analysis
    from include.analysis.quantities import Quantity
    from include.results import Results


def size_table(results: Results) -> str:
    """Each operator's median ± half its range of quartiles, and how far each is from the first."""
    analysis = analyse(table.from_parquet(results.read_bytes("records.parquet")))
    return "\n".join(_of_figure(analysis, figure) for figure in primaries(analysis.frame))


def _of_figure(analysis: Analysis, figure: Quantity) -> str:
    operators = list(dict.fromkeys(analysis.frame["k8s_operator"]))
    first, *others = operators
    head = ["nodes", *(operator_title(name) for name in operators)]
    head += [f"{operator_title(name)} against {operator_title(first)}" for name in others]
    rows, ratios = [head], {name: list[float]() for name in others}
    summary = analysis.summary.dropna(subset=["nodes", "ranks"])
    for nodes in sorted({int(each) for each in summary["nodes"]}):
        cells = summary[summary["nodes"] == nodes]
        by_name = {row["k8s_operator"]: row for row in cells.to_dict(orient="records")}
        line = [f"{nodes:,}", *(_median(by_name.get(name), figure) for name in operators)]
        for name in others:
            line.append(_difference(analysis, figure, nodes=nodes, operator=name, baseline=first))
            ratio = _ratio(by_name, figure, name, first)
            ratios[name] += [ratio] if ratio else []
        rows.append(line)
    mean = ["geomean", *("" for _ in operators)]
    mean += [_mean_percent(ratios[name]) for name in others]
    rows += [mean] if others else []
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return f"{figure.axis}, median ± half of the quartiles' range\n{text}\n"


def _median(row: dict[Any, Any] | None, figure: Quantity) -> str:
    if row is None or pd.isna(row[column(figure.name, "median")]):
        return NONE
    median = row[column(figure.name, "median")]
    half = (row[column(figure.name, "q75")] - row[column(figure.name, "q25")]) / 2
    return f"{amount(median, figure.unit)} ± {100 * half / median:.0f} %"


def _difference(
    analysis: Analysis, figure: Quantity, *, nodes: int, operator: str, baseline: str
) -> str:
    every = analysis.comparisons
    rows = every[
        (every["quantity"] == figure.name)
        & (every["nodes"] == nodes)
        & (every["operator"] == operator)
        & (every["baseline"] == baseline)
    ].to_dict(orient="records")
    if not rows:
        return NONE
    row = rows[0]
    counts = f"n={row['n_operator']}+{row['n_baseline']}"
    if pd.isna(row["holm_p"]):
        return f"{signed(row['difference_percent'])} % (too few, {counts})"
    change = f"{signed(row['difference_percent'])} %" if row["is_significant"] else "~"
    p = p_value(row["holm_p"]).replace("< ", "<")
    return f"{change} (p{p if p.startswith('<') else f'={p}'} {counts})"


def _ratio(
    by_name: dict[Any, dict[Any, Any]], figure: Quantity, name: str, first: str
) -> float | None:
    medians = [
        by_name[each][column(figure.name, "median")] for each in (name, first) if each in by_name
    ]
    if len(medians) != 2 or not all(median > 0 for median in medians):  # noqa: PLR2004  a pair
        return None
    return float(medians[0] / medians[1])


def _mean_percent(ratios: list[float]) -> str:
    if not ratios:
        return ""
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return f"{signed(100 * (mean - 1))} %"
