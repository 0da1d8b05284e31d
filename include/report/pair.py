"""Two sets of records compared: the same operators at the same sizes, B against A."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.analysis import table
from include.analysis.arms import with_arms
from include.analysis.cells import counted
from include.analysis.comparison import ALPHA, compare, holm
from include.analysis.intervals import LEAST_N
from include.analysis.labels import amount, listed, operator_title, p_value, signed
from include.analysis.problems import with_problems
from include.analysis.quantities import primaries
from include.errors import StudyError
from include.models.figures import TIME_UNITS, gain

if TYPE_CHECKING:
    from include.analysis.quantities import Quantity
    from include.results import Results

BEFORE, AFTER = "before", "after"
WORSE, BETTER, ALIKE, FEW = "worse", "better", "~", "too few"
LEAST_PERCENT = 1.0
HEAD = ("operator", "nodes", "A", "B", "B against A", "p", "n")


def compared(a: Results, b: Results) -> tuple[list[dict[str, str]], str]:
    """The cells of a comparison's rows by heading, and a sentence on the result.

    StudyError when the two share nothing, FileNotFoundError for a study without records.
    """
    frames = [table.from_parquet(each.read_bytes("records.parquet")) for each in (a, b)]
    rows = compare_sets(*frames, least_percent=LEAST_PERCENT)
    shown = [dict(zip(HEAD, cells_of(row), strict=True)) for row in rows]
    return shown, f"{sentence(rows)} {mean_text(rows).capitalize()}."


def compare_sets(
    before: pd.DataFrame, after: pd.DataFrame, *, least_percent: float
) -> list[dict[str, Any]]:
    """A row per operator and size that both sets have; StudyError when they share none.

    Compares the application's figure of merit, with a report's test and interval; p-values are
    Holm-corrected over all rows. `outcome` is worse, better, ~ (no difference, or less than the
    least percent), or too few.
    """
    frames = _labelled(before, BEFORE), _labelled(after, AFTER)
    both = pd.concat(frames, ignore_index=True)
    rows: list[dict[str, Any]] = []
    for arm in dict.fromkeys(both["_arm"]):
        own = both[both["_arm"] == arm].drop(columns="_arm")
        for figure in primaries(own):
            table = compare(own, operators=(BEFORE, AFTER))
            mine = table[table["quantity"] == figure.name].to_dict(orient="records")
            rows += [_row(str(arm), each, own, figure) for each in mine]
    if not rows:
        raise StudyError("the two have no operator with valid runs at one size in common")
    corrected = holm([_nan(row["p"]) for row in rows])
    return [
        _judged(row, p, least_percent=least_percent) for row, p in zip(rows, corrected, strict=True)
    ]


def _labelled(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The set's records with the arm as a separate column, and the set as the operator."""
    runs = with_problems(with_arms(frame))
    return runs.assign(_arm=runs["k8s_operator"], k8s_operator=name, study_id=name)


def _row(arm: str, row: dict[Any, Any], own: pd.DataFrame, figure: Quantity) -> dict[str, Any]:
    runs = counted(own)
    cell = runs[(runs["nodes"] == row["nodes"]) & (runs["ranks"] == row["ranks"])]
    medians = cell.groupby("k8s_operator")[figure.name].median()
    return {
        "operator": operator_title(arm),
        "nodes": int(row["nodes"]),
        "ranks": int(row["ranks"]),
        "figure": figure.name,
        "unit": figure.unit,
        "a": float(medians[BEFORE]),
        "b": float(medians[AFTER]),
        "n_a": int(row["n_baseline"]),
        "n_b": int(row["n_operator"]),
        "percent": float(row["difference_percent"]),
        "low_percent": _known(row["low_percent"]),
        "high_percent": _known(row["high_percent"]),
        "p": _known(row["mann_whitney_p"]),
        "is_gain": gain(row["difference"], figure.better) > 0,
    }


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _judged(row: dict[str, Any], p: float, *, least_percent: float) -> dict[str, Any]:
    if row["low_percent"] is None:
        outcome = FEW
    elif (
        p >= ALPHA
        or row["low_percent"] <= 0 <= row["high_percent"]
        or abs(row["percent"]) < least_percent
    ):
        outcome = ALIKE
    else:
        outcome = BETTER if row["is_gain"] else WORSE
    kept = {name: value for name, value in row.items() if name != "is_gain"}
    return kept | {"p": None if math.isnan(p) else p, "outcome": outcome}


def geometric_mean_percent(rows: list[dict[str, Any]]) -> float:
    """The mean change over all rows, of ratios, as percents do not average."""
    logs = [math.log(row["b"] / row["a"]) for row in rows if row["a"] > 0 and row["b"] > 0]
    return 100 * (math.exp(sum(logs) / len(logs)) - 1) if logs else float("nan")


def cells_of(row: dict[str, Any]) -> tuple[str, ...]:
    """A row as people read it, under `HEAD`."""
    change = f"{signed(row['percent'])} %"
    if row["low_percent"] is not None:
        change += f" ({signed(row['low_percent'])} to {signed(row['high_percent'])})"
    shown = f"~ {change}" if row["outcome"] == ALIKE else change
    p = "" if row["p"] is None else p_value(row["p"])
    return (
        row["operator"],
        f"{row['nodes']:,}",
        f"{amount(row['a'], row['unit'])} {row['unit']}",
        f"{amount(row['b'], row['unit'])} {row['unit']}",
        shown if row["outcome"] != FEW else f"{shown}, {FEW}",
        p,
        f"{row['n_a']} + {row['n_b']}",
    )


def mean_text(rows: list[dict[str, Any]]) -> str:
    """The mean change in words."""
    return f"geometric mean {signed(geometric_mean_percent(rows))} %"


def _cells(rows: list[dict[str, Any]]) -> str:
    """`MPI Operator at 8 and 16 nodes (+4.9 to +5.1 %)`, an operator after the other."""
    parts = []
    for operator in dict.fromkeys(row["operator"] for row in rows):
        own = [row for row in rows if row["operator"] == operator]
        nodes = listed([f"{row['nodes']:,}" for row in own])
        ends = dict.fromkeys(signed(end(row["percent"] for row in own)) for end in (min, max))
        noun = "node" if nodes == "1" else "nodes"
        parts.append(f"{operator} at {nodes} {noun} ({' to '.join(ends)} %)")
    return ", ".join(parts)


def sentence(rows: list[dict[str, Any]]) -> str:
    """Sentence that sums up the comparison."""
    are_times = all(row["unit"] in TIME_UNITS for row in rows)
    words = {WORSE: "slower", BETTER: "faster"} if are_times else {WORSE: WORSE, BETTER: BETTER}
    parts = [
        f"B is {word} in {len(some)} of {len(rows)}: {_cells(some)}"
        for outcome, word in words.items()
        if (some := [row for row in rows if row["outcome"] == outcome])
    ]
    if parts:
        return "; ".join(parts) + "."
    if all(row["outcome"] == FEW for row in rows):
        return f"Nothing can be said: a comparison needs {LEAST_N} valid repeats on either side."
    return f"A and B cannot be told apart in {len(rows)} of {len(rows)}."
