"""Differences of medians with their intervals, which a time axis from zero hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.intervals import LEVEL
from include.analysis.labels import count, operator_title
from include.report.drawing import Drawing, canvas, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.analysis.quantities import Quantity

_INK = "#222222"
_SURE, _UNSURE = "#0072b2", "#8a8a8a"  # also distinguished by the filling of the point


def draw_differences(
    comparisons: pd.DataFrame, quantities: Sequence[Quantity], *, is_simulated: bool
) -> Drawing:
    """One row per quantity, size and pair that has an interval; percent of the baseline."""
    known = comparisons.dropna(subset=["low_percent"])
    groups = known.groupby(["quantity", "operator", "baseline"], sort=False).ngroup()
    known = known.iloc[groups.argsort(kind="stable")]  # all sizes of a pair are together
    height = 1.7 + 0.3 * len(known) + 0.35 * groups.nunique()
    with canvas(width_in=9.0, height_in=height, is_simulated=is_simulated) as axes:
        _draw(axes, known, {each.name: each for each in quantities})
        times = all(each.is_time for each in quantities if each.name in set(known["quantity"]))
        sign = "; negative: faster" if times else ""
        axes.set_xlabel(f"difference of medians [% of the baseline's median]{sign}")
        return render(
            axes,
            name="differences",
            title="How far the operators' medians lie apart",
            caption=(
                f"Difference of medians, operator minus baseline, and its {100 * LEVEL:.0f} % "
                "bootstrap interval. Filled: told apart from 0 after correction for the number "
                "of sizes; hollow: not. Whether the operator is the cause is for the verdicts to "
                "say."
            ),
        )


def _draw(axes: Axes, table: pd.DataFrame, quantities: Mapping[str, Quantity]) -> None:
    rows = table.to_dict(orient="records")
    places, titles = _places(
        [(_heading(quantities[r["quantity"]]), r["operator"], r["baseline"]) for r in rows]
    )
    for place, row in zip(places, rows, strict=True):
        colour = _SURE if row["is_significant"] else _UNSURE
        axes.plot([row["low_percent"], row["high_percent"]], [place] * 2, color=colour, lw=2.2)
        axes.plot(
            [row["difference_percent"]],
            [place],
            marker="o",
            ms=7,
            color=colour,
            mfc=colour if row["is_significant"] else "white",
        )
    counts = [f"n = {row['n_operator']} + {row['n_baseline']}" for row in rows]
    sizes = [", ".join((count(r["nodes"], "node"), *filter(None, [r["problem"]]))) for r in rows]
    labels = [f"{size}, {n}" for size, n in zip(sizes, counts, strict=True)]
    axes.axvline(0, color=_INK, lw=1)
    axes.set_yticks(places, labels)
    for place, text in titles:
        axes.text(
            0.005, place, text, transform=axes.get_yaxis_transform(), va="center", weight="bold"
        )
    axes.set_ylim(max(places) + 0.7, -0.6)
    axes.xaxis.grid(visible=True, color="#dddddd", linewidth=0.8)
    axes.tick_params(axis="y", length=0)


def _heading(quantity: Quantity) -> str:
    return quantity.title if quantity.is_time else f"{quantity.title} ({quantity.better} is better)"


def _places(
    keys: Sequence[tuple[str, str, str]],
) -> tuple[list[float], list[tuple[float, str]]]:
    """Positions of the rows, and the headings above the groups of rows."""
    places: list[float] = []
    titles: list[tuple[float, str]] = []
    at = -1.0
    for index, key in enumerate(keys):
        at += 1
        if index == 0 or keys[index - 1] != key:
            at += 0.25 if index else 0
            quantity, operator, baseline = key
            pair = f"{operator_title(operator)} minus {operator_title(baseline)}"
            titles.append((at, f"{quantity}: {pair}"))
            at += 0.95
        places.append(at)
    return places, titles
