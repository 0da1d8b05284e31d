"""A study's medians with their intervals as samples for a metrics store, in any format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.quantities import compared
from include.analysis.summary import column

if TYPE_CHECKING:
    from include.analysis.quantities import Quantity
    from include.results import Results

STATISTICS = {"median": "median", "low": "interval_low", "high": "interval_high"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One number with its distinguishing labels."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, kw_only=True)
class Family:
    """The samples of one quantity."""

    quantity: Quantity
    samples: tuple[Sample, ...]


def families(results: Results) -> tuple[Family, ...]:
    """Median and 95 % interval ends of each quantity by study, operator and size.

    FileNotFoundError without a `records.parquet`.
    """
    analysis = analyse(table.from_parquet(results.read_bytes("records.parquet")))
    studies = ",".join(dict.fromkeys(analysis.frame["study_id"]))
    simulated = str(bool(analysis.frame["simulated"].any())).lower()
    common = {"study": studies, "simulated": simulated}
    every = (_family(q, analysis.summary, common) for q in compared(analysis.frame))
    return tuple(family for family in every if family.samples)


def _family(quantity: Quantity, summary: pd.DataFrame, common: dict[str, str]) -> Family:
    rows = summary.dropna(subset=[column(quantity.name, "median"), "nodes", "ranks"])
    samples = tuple(
        sample
        for row in rows.to_dict(orient="records")
        for sample in _samples(quantity, row, common)
    )
    return Family(quantity=quantity, samples=samples)


def _samples(quantity: Quantity, row: dict[Any, Any], common: dict[str, str]) -> list[Sample]:
    labels = {
        **common,
        "operator": str(row["k8s_operator"]),
        "nodes": str(int(row["nodes"])),
        "ranks": str(int(row["ranks"])),
        "problem": str(row["problem"]),
        "n": str(row[column(quantity.name, "n")]),
    }
    values = {label: row[column(quantity.name, name)] for name, label in STATISTICS.items()}
    return [
        Sample(labels={**labels, "statistic": label}, value=float(value))
        for label, value in values.items()
        if not pd.isna(value)
    ]
