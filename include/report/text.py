"""The summary as plain text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from include.analysis.summary import QUANTITIES, column

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER = (
    *("operator", "nodes", "ranks", "n", "loop s", "launcher s", "overhead s", "end-to-end s"),
    *("loop spread", "failed"),
)
_ABSENT = "-"


def summary_text(summary: pd.DataFrame) -> str:
    """Aligned columns, one line per cell: n and medians in seconds, least to greatest loop time.

    `n` counts valid repeats; `failed` counts failed and invalid points.
    """
    rows = [_row(row) for row in summary.to_dict(orient="records")]
    if not rows:
        return "no point has a record\n"
    widths = [max(len(line[i]) for line in (_HEADER, *rows)) for i in range(len(_HEADER))]
    return "".join(_line(cells, widths) for cells in (_HEADER, *rows))


def seconds(value: float) -> str:
    """The value with two decimals, a half to the even one; `-` where there is none."""
    return _ABSENT if pd.isna(value) else f"{np.round(value, 2):.2f}"


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    least, most = row[column("loop_time_s", "min")], row[column("loop_time_s", "max")]
    spread = _ABSENT if pd.isna(least) else f"{seconds(least)} to {seconds(most)}"
    medians = (seconds(row[column(quantity, "median")]) for quantity in QUANTITIES)
    counts = (_ABSENT if pd.isna(row[name]) else str(row[name]) for name in ("nodes", "ranks", "n"))
    bad = str(row["n_failed"] + row["n_invalid"])
    return (str(row["k8s_operator"]), *counts, *medians, spread, bad)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    padded = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *padded]).rstrip() + "\n"
