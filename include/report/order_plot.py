"""The figure of merit in the order of the runs: drift shows as a slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from include.analysis.cells import CELL
from include.analysis.labels import count, operator_title
from include.models.figures import in_a_sentence
from include.report.drawing import Drawing, canvas, operator_colours, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.analysis.quantities import Quantity

_MARKERS = "osD^vPX*"
_INK = "#222222"
_LEAST_FOR_HALVES = 6


def draw_order(runs: pd.DataFrame, figure: Quantity, *, order: Sequence[str]) -> Drawing:
    """Every counted run: its place in the study, and its figure against its cell's median."""
    title = figure.title
    known = runs.dropna(subset=[figure.name]).sort_values("order_index", kind="stable")
    medians = known.groupby(list(CELL))[figure.name].transform("median")
    known = known.assign(deviation=100 * (known[figure.name] / medians - 1))
    is_simulated = bool(runs["simulated"].any())
    with canvas(width_in=9.4, height_in=4.4, is_simulated=is_simulated) as axes:
        _draw(axes, known, order=order)
        axes.set_xlabel(f"place in the order of all runs (n = {len(known)})")
        axes.set_ylabel(f"{in_a_sentence(title)} against the median of its cell [%]")
        return render(
            axes,
            name="order",
            title=f"{title} in the order of the runs",
            caption=(
                "Each valid run against the median of its operator and size. Lines: medians of "
                f"the first and the last half of a cell, from {_LEAST_FOR_HALVES} runs on; a step "
                f"between the two is drift. n = {len(known)} runs."
            ),
        )


def _draw(axes: Axes, runs: pd.DataFrame, *, order: Sequence[str]) -> None:
    colours = operator_colours(order)
    sizes = sorted(runs["nodes"].unique())
    markers = {nodes: _MARKERS[i % len(_MARKERS)] for i, nodes in enumerate(sizes)}
    axes.axhline(0, color=_INK, lw=0.8)
    for (name, nodes, *_), cell in runs.groupby(list(CELL), sort=False):
        colour = colours[str(name)]
        axes.plot(
            cell["order_index"],
            cell["deviation"],
            ls="",
            marker=markers[nodes],
            ms=5,
            mec=_INK,
            mew=0.4,
            color=colour,
            alpha=0.75,
        )
        half = len(cell) // 2
        for part in (cell.iloc[:half], cell.iloc[-half:]) if len(cell) >= _LEAST_FOR_HALVES else ():
            ends = [part["order_index"].iloc[0], part["order_index"].iloc[-1]]
            axes.plot(ends, [part["deviation"].median()] * 2, color=_INK, lw=4)
            axes.plot(ends, [part["deviation"].median()] * 2, color=colour, lw=2.4)
    axes.yaxis.grid(visible=True, color="#dddddd", linewidth=0.8)
    present = set(runs["k8s_operator"])
    handles = [
        Line2D([], [], color=colour, lw=5, label=operator_title(name))
        for name, colour in colours.items()
        if name in present
    ] + [
        Line2D([], [], ls="", marker=markers[n], color="#777777", label=count(int(n), "node"))
        for n in sizes
    ]
    axes.figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 8), frameon=False
    )
