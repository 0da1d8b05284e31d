"""A study's medians with their intervals in the OpenMetrics text format, for a metrics store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.quantities import compared
from include.analysis.summary import column

if TYPE_CHECKING:
    from include.analysis.quantities import Quantity
    from include.results import Results

PREFIX = "operator_benchmark"
_STATISTICS = {"median": "median", "low": "interval_low", "high": "interval_high"}
_UNITS = {"s": "seconds"}  # by the format's rules a unit is a plural and ends the name


def openmetrics(results: Results) -> str:
    """A gauge per quantity: median and the ends of its 95 % interval by study, operator, size.

    FileNotFoundError without a `records.parquet`.
    """
    found = analyse(table.from_parquet(results.read_bytes("records.parquet")))
    studies = ",".join(dict.fromkeys(found.frame["study_id"]))
    simulated = str(bool(found.frame["simulated"].any())).lower()
    common = {"study": studies, "simulated": simulated}
    lines: list[str] = []
    for quantity in compared(found.frame):
        lines += _family(quantity, found.summary, common)
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def _family(quantity: Quantity, summary: pd.DataFrame, common: dict[str, str]) -> list[str]:
    rows = summary.dropna(subset=[column(quantity.name, "median"), "nodes", "ranks"])
    if rows.empty:
        return []
    unit = _UNITS.get(quantity.unit, "")
    stem = quantity.name.removesuffix("_s") if unit else quantity.name
    name = f"{PREFIX}_{stem}_{unit}" if unit else f"{PREFIX}_{stem}"
    lines = [f"# TYPE {name} gauge"]
    lines += [f"# UNIT {name} {unit}"] if unit else []
    lines.append(f"# HELP {name} {_text(quantity.meaning)} [{quantity.unit}], valid repeats.")
    for row in rows.to_dict(orient="records"):
        lines += _samples(name, quantity, row, common)
    return lines


def _samples(
    name: str, quantity: Quantity, row: dict[Any, Any], common: dict[str, str]
) -> list[str]:
    labels = {
        **common,
        "operator": str(row["k8s_operator"]),
        "nodes": str(int(row["nodes"])),
        "ranks": str(int(row["ranks"])),
        "problem": str(row["problem"]),
        "n": str(row[column(quantity.name, "n")]),
    }
    lines = []
    for statistic, label in _STATISTICS.items():
        value = row[column(quantity.name, statistic)]
        if not pd.isna(value):
            text = ",".join(f'{k}="{_text(v)}"' for k, v in {**labels, "statistic": label}.items())
            lines.append(f"{name}{{{text}}} {float(value)!r}")
    return lines


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
