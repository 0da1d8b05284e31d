"""Cost of a valid result against its time, by operator and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from matplotlib.transforms import offset_copy

from include.analysis.cells import CELL
from include.analysis.labels import count, operator_title
from include.analysis.summary import column
from include.report.drawing import Drawing, canvas, operator_colours, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.report.cost_by_operator import CostByOperator

_MARKERS = "osD^vPX*"
_QUIET = "#999999"
_APART_PT = 5.0  # between the points of two operators
_LEAST_RANGE = 1.5  # minimum ratio of an axis's greatest to its least value
_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)  # labels of an axis, in each decade


def draw_cost(
    summary: pd.DataFrame, costs: CostByOperator, *, order: Sequence[str], is_simulated: bool
) -> Drawing:
    """A point per operator and size, on the line of its size: lower left is better."""
    table = _points(summary, costs)
    unit = "node-seconds" if costs.node_usd_per_hour is None else "USD"
    with canvas(width_in=7.6, height_in=5.0, is_simulated=is_simulated) as axes:
        _draw(axes, table, order=order)
        axes.set_xlabel("median time that a valid result holds its nodes [s]")
        axes.set_ylabel(f"cost of a valid result [{unit}]")
        return render(
            axes,
            name="cost_time",
            title="What a valid result costs, and how long it takes",
            caption=(
                f"Median time {costs.held}, and what its nodes cost meanwhile; both axes "
                "logarithmic. A dotted line is a number of nodes. On it, lower left is better; "
                "from one to the next, more nodes are faster and cost more where an application "
                "does not scale. Bars: the 95 % order-statistic interval of the median, from 6 "
                f"runs on. Operators of one size are moved apart. {costs.price}"
            ),
        )


def _points(summary: pd.DataFrame, costs: CostByOperator) -> pd.DataFrame:
    names = {column(costs.quantity, each): each for each in ("n", "median", "low", "high")}
    table = summary[[*CELL, *names]].rename(columns=names).dropna(subset=["nodes", "median"])
    price = 1.0 if costs.node_usd_per_hour is None else costs.node_usd_per_hour / 3600
    return table[table["median"] > 0].assign(per_second=table["nodes"].astype("float64") * price)


def _draw(axes: Axes, table: pd.DataFrame, *, order: Sequence[str]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    _draw_sizes(axes, table)
    present = [name for name in order if name in set(table["k8s_operator"])]
    for index, (name, colour) in enumerate(operator_colours(order).items()):
        own = table[table["k8s_operator"] == name].sort_values("nodes")
        style: dict[str, Any] = {
            "color": colour,
            "marker": _MARKERS[index % len(_MARKERS)],
            "ms": 7,
            "mec": "#222222",
            "mew": 0.5,
            "zorder": 3 + index,
        }
        if own.empty:
            continue
        shift = _APART_PT * (present.index(name) - (len(present) - 1) / 2)
        place = offset_copy(axes.transData, axes.get_figure(root=True), y=shift, units="points")
        cost = own["median"] * own["per_second"]
        title = operator_title(name)
        axes.plot(own["median"], cost, ls="", label=title, transform=place, **style)
        for row in own.dropna(subset=["low"]).to_dict(orient="records"):
            ends = np.array([row["low"], row["high"]])
            cost = ends * row["per_second"]
            axes.plot(ends, cost, color=colour, lw=3, alpha=0.6, zorder=2, transform=place)
    for axis in (axes.xaxis, axes.yaxis):
        _label(axis)
    axes.figure.legend(loc="outside lower center", ncols=4, frameon=False)


def _draw_sizes(axes: Axes, table: pd.DataFrame) -> None:
    """The line of each number of nodes, labelled at its right end."""
    times = [*table["median"], *table["low"].dropna(), *table["high"].dropna()]
    x = _limits(times)
    y = _limits([*(table["median"] * table["per_second"]), *_ends(table)])
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    for (nodes, per_second), _ in table.groupby(["nodes", "per_second"]):
        rate = float(str(per_second))
        axes.plot(x, [end * rate for end in x], ls=":", lw=1, color=_QUIET, zorder=1)
        end = min(x[1], y[1] / rate)
        axes.annotate(
            count(int(str(nodes)), "node"),
            (end, end * rate),
            xytext=(-4, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9,
            color="#555555",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )


def _ends(table: pd.DataFrame) -> list[float]:
    """Costs at the ends of the intervals."""
    ends = (table[name] * table["per_second"] for name in ("low", "high"))
    return [float(value) for costs in ends for value in costs.dropna()]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    least, most = float(min(values)), float(max(values))
    room = max(_LEAST_RANGE, 1.25 * most / least) / (most / least)
    return least / room**0.5, most * room**0.5


def _label(axis: Any) -> None:
    """Plain numbers, a few in each decade."""
    low, high = sorted(axis.get_view_interval())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in decades for step in _STEPS]
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.axes.grid(visible=True, color="#eeeeee", linewidth=0.8)
