"""Scaling: figure of merit and parallel efficiency against the number of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.ticker import NullLocator, ScalarFormatter

from include.analysis.cells import CELL
from include.analysis.labels import operator_title
from include.analysis.summary import column
from include.models.figures import Better, in_a_sentence
from include.report.drawing import Drawing, operator_colours, panels, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.analysis.quantities import Quantity

_MARKERS = "osD^vPX*"
_IDEAL = "#666666"


def draw_scaling(
    scaling: pd.DataFrame,
    summary: pd.DataFrame,
    figure: Quantity,
    *,
    order: Sequence[str],
    is_simulated: bool,
) -> Drawing:
    """Two panels; `scaling` and `summary` are the tables of the analysis."""
    names = {column(figure.name, each): each for each in ("median", "low", "high")}
    ends = summary[[*CELL, *(n for n in names if n not in scaling.columns)]]
    table = scaling.merge(ends.astype({"nodes": "float"}), on=list(CELL), how="left")
    table = table.astype({"nodes": "int64"}).rename(columns=names)
    title = in_a_sentence(figure.title)
    with panels(2, width_in=9.4, height_in=4.3, is_simulated=is_simulated) as (times, efficiency):
        for index, (name, colour) in enumerate(operator_colours(order).items()):
            for problem, own in table[table["k8s_operator"] == name].groupby("problem"):
                label = ", ".join(filter(None, (operator_title(name), str(problem))))
                _draw(times, efficiency, own, figure, label=label, style=(index, colour))
        _finish(times, efficiency, table)
        times.set_ylabel(f"median {title} [{figure.unit}]")
        times.set_xlabel(f"nodes (n = {_counts(table)} runs per point)")
        return render(
            times,
            name="scaling",
            title=f"Scaling: {title} and parallel efficiency over nodes",
            caption=(
                f"Left: median {title} with its 95 % order-statistic interval, both axes "
                "logarithmic; dashed: ideal, from each operator's smallest size. Right: speed-up "
                "over the smallest size in percent of the growth in ranks, with its bootstrap "
                f"interval. n per point: {_counts(table)}. Points of one size are moved apart."
            ),
        )


def _draw(
    times: Axes,
    efficiency: Axes,
    own: pd.DataFrame,
    figure: Quantity,
    *,
    label: str,
    style: tuple[int, tuple[float, float, float]],
) -> None:
    index, colour = style
    nodes = own["nodes"] * 1.03**index  # keeps intervals of two operators from hiding each other
    median = own["median"]
    shared: dict[str, Any] = {
        "color": colour,
        "marker": _MARKERS[index % len(_MARKERS)],
        "capsize": 4,
        "ms": 6,
    }
    spread = [median - own["low"], own["high"] - median]
    times.errorbar(nodes, median, yerr=spread, label=label, **shared)
    growth = own["ranks"] / own["ranks"].iloc[0]
    ideal = median.iloc[0] * (growth if figure.better is Better.HIGHER else 1 / growth)
    times.plot(own["nodes"], ideal, ls="--", lw=1, color=_IDEAL, zorder=1)
    value = own["efficiency_percent"]
    ends = own[["efficiency_low_percent", "efficiency_high_percent"]]
    bars = [value - ends.iloc[:, 0], ends.iloc[:, 1] - value]
    efficiency.errorbar(nodes, value, yerr=[bar.clip(lower=0) for bar in bars], **shared)


def _finish(times: Axes, efficiency: Axes, table: pd.DataFrame) -> None:
    ticks = sorted(table["nodes"].unique())
    for axes in (times, efficiency):
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(value) for value in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("nodes")
        axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
    times.set_yscale("log", base=2)
    times.yaxis.set_major_formatter(ScalarFormatter())
    efficiency.set_ylim(0, max(110.0, 1.05 * table["efficiency_percent"].max()))
    efficiency.axhline(100, ls="--", lw=1, color=_IDEAL, zorder=1)
    efficiency.set_ylabel("parallel efficiency [%]")
    times.figure.legend(loc="outside lower center", ncols=4, frameon=False)


def _counts(table: pd.DataFrame) -> str:
    least, most = int(table["n"].min()), int(table["n"].max())
    return str(least) if least == most else f"{least} to {most}"
