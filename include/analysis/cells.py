"""The records that count, and one order of operators for every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SIZE = ("nodes", "ranks", "problem")  # records of one size and problem are compared
CELL = ("k8s_operator", *SIZE)  # records of one cell are repeats of each other
COUNTS = ("nodes", "ranks")


def counted(frame: pd.DataFrame) -> pd.DataFrame:
    """The valid records that are not warm-ups and have a size: those that can be compared.

    Sizes are int64. A recorded run with an unknown number of nodes has none.
    """
    has_size = frame["nodes"].notna() & frame["ranks"].notna()
    runs = frame[(frame["status"] == Status.VALID) & ~frame["is_warmup"] & has_size]
    return runs.assign(**{name: runs[name].astype("int64") for name in COUNTS})


def operator_order(frame: pd.DataFrame, operators: Sequence[str] = ()) -> tuple[str, ...]:
    """`operators` first, then the frame's others by their first planned run."""
    planned = frame.sort_values("order_index", kind="stable")["k8s_operator"]
    return tuple(dict.fromkeys((*operators, *planned)))


def in_order(table: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """The table's rows by size, problem and operator in the given order, as far as it has them."""
    keys = [key for key in (*SIZE, "k8s_operator") if key in table.columns]
    place = {operator: index for index, operator in enumerate(order)}
    return table.sort_values(
        keys, key=lambda column: column.map(place) if column.name == "k8s_operator" else column
    ).reset_index(drop=True)
