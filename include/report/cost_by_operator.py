"""Cost of a valid result under each operator: node-seconds and dollars, by size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis.cells import SIZE, counted, operator_order
from include.analysis.intervals import LEVEL
from include.analysis.labels import listed, operator_title, signed
from include.cost.estimate import usd_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.analysis import Analysis

# Time that a run holds its nodes, the most complete measure of all operators first.
HELD = {
    "end_to_end_s": "from the creation of the resource to its completion",
    "launcher_time_s": "from the start to the exit of the launch command",
}
_HOURS_FROM_NODE_S = 3600


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One operator at one size."""

    operator: str
    baseline: str | None  # what `change` is relative to; None for the baseline itself
    nodes: int
    ranks: int
    problem: str  # empty where all runs have the same
    n: int
    node_s: float  # median over valid results
    usd: float | None
    change_percent: float | None
    low_percent: float | None
    high_percent: float | None

    @property
    def usd_text(self) -> str:
        """Cost in dollars, empty without a price."""
        return "" if self.usd is None else usd_text(self.usd)

    @property
    def amount(self) -> str:
        """Node-seconds, or node-hours for large amounts."""
        if self.node_s < _HOURS_FROM_NODE_S:
            return f"{self.node_s:,.0f} node-seconds"
        return f"{self.node_s / 3600:,.2f} node-hours"

    @property
    def change(self) -> str:
        """The difference from the baseline with its interval, empty without one."""
        if self.change_percent is None:
            return ""
        if self.low_percent is None:
            return f"{signed(self.change_percent)} %"
        ends = f"{signed(self.low_percent)} to {signed(self.high_percent or 0.0)}"
        return f"{signed(self.change_percent)} %, {100 * LEVEL:.0f} % interval {ends} %"


@dataclass(frozen=True, kw_only=True)
class CostByOperator:
    """A row per operator and size, and their basis."""

    rows: tuple[CostRow, ...]
    quantity: str  # the time in which a run holds its nodes, one of `HELD`
    basis: str
    price: str  # price in words
    node_usd_per_hour: float | None

    @property
    def held(self) -> str:
        """The time in which a run holds its nodes, in words."""
        return HELD[self.quantity]

    def sentence(self) -> str:
        """The largest size in one line, where a difference costs most."""
        most = max((row.nodes, row.ranks) for row in self.rows)
        rows = [row for row in self.rows if (row.nodes, row.ranks) == most]
        first, *others = rows
        parts = [f"{_amount(first)} under {first.operator}"]
        parts += [
            f"{_amount(row)} under {row.operator}{f' ({row.change})' if row.change else ''}"
            for row in others
        ]
        size = f"{most[0]:,} node{'' if most[0] == 1 else 's'}"
        return f"A valid result at {size} took {listed(parts)}. {self.price}"


def cost_by_operator(
    analysis: Analysis, *, node_usd_per_hour: float | None, operators: Sequence[str] = ()
) -> CostByOperator | None:
    """The costs of an analysis; None where no operator's runs say how long they held nodes."""
    runs = counted(analysis.frame)
    quantity = next((name for name in HELD if _all_know(runs, name)), None)
    if quantity is None:
        return None
    order = operator_order(analysis.frame, operators)
    rows = [
        _row(analysis, cell, quantity=quantity, key=key, price=node_usd_per_hour)
        for key, cell in _cells(runs.dropna(subset=[quantity]), order)
    ]
    price = (
        "No price is known; give hourly_price_usd."
        if node_usd_per_hour is None
        else f"A node-hour at {usd_text(node_usd_per_hour)}."
    )
    return CostByOperator(
        rows=tuple(rows),
        quantity=quantity,
        node_usd_per_hour=node_usd_per_hour,
        basis=f"Nodes times the median time that a run holds them, {HELD[quantity]}; what is idle, "
        "installed, failed or a warm-up is in the ledger and not in these rows.",
        price=price,
    )


def _all_know(runs: pd.DataFrame, quantity: str) -> bool:
    known = runs.dropna(subset=[quantity])
    return not known.empty and set(known["k8s_operator"]) == set(runs["k8s_operator"])


def _cells(runs: pd.DataFrame, order: Sequence[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    place = {name: index for index, name in enumerate(order)}
    groups = list(runs.groupby([*SIZE, "k8s_operator"]))
    return sorted(groups, key=lambda each: (*each[0][:-1], place[each[0][-1]]))


def _row(
    analysis: Analysis,
    cell: pd.DataFrame,
    *,
    quantity: str,
    key: tuple[Any, ...],
    price: float | None,
) -> CostRow:
    nodes, ranks, problem, operator = int(key[0]), int(key[1]), str(key[2]), str(key[3])
    node_s = nodes * float(cell[quantity].median())
    table = analysis.comparisons
    against = table[
        (table["quantity"] == quantity)
        & (table["nodes"] == nodes)
        & (table["ranks"] == ranks)
        & (table["problem"] == problem)
        & (table["operator"] == operator)
    ].to_dict(orient="records")
    other = against[0] if against else {}
    return CostRow(
        operator=operator_title(operator),
        baseline=operator_title(other["baseline"]) if other else None,
        nodes=nodes,
        ranks=ranks,
        problem=problem,
        n=len(cell),
        node_s=node_s,
        usd=None if price is None else price * node_s / 3600,
        change_percent=_known(other.get("difference_percent")),
        low_percent=_known(other.get("low_percent")),
        high_percent=_known(other.get("high_percent")),
    )


def _known(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _amount(row: CostRow) -> str:
    return row.amount if row.usd is None else f"{usd_text(row.usd)} ({row.amount})"
