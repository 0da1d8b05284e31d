"""Scaling: loop time and parallel efficiency over the number of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.ticker import NullLocator, ScalarFormatter

from include.report.drawing import Drawing, operator_colours, panels, render
from include.report.labels import operator_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_MARKERS = "osD^vPX*"
_IDEAL = "#666666"


def draw_scaling(
    scaling: pd.DataFrame, summary: pd.DataFrame, *, order: Sequence[str], is_simulated: bool
) -> Drawing:
    """Two panels; `scaling` and `summary` are the tables of the analysis."""
    columns = ["k8s_operator", "nodes", "ranks", "loop_time_low_s", "loop_time_high_s"]
    table = scaling.merge(
        summary[columns].astype({"nodes": "float"}), on=columns[:3], how="left"
    ).astype({"nodes": "int64"})
    with panels(2, width_in=9.4, height_in=4.3, is_simulated=is_simulated) as (times, efficiency):
        for index, (name, colour) in enumerate(operator_colours(order).items()):
            own = table[table["k8s_operator"] == name]
            if not own.empty:
                _draw(times, efficiency, own, label=operator_title(name), style=(index, colour))
        _finish(times, efficiency, table)
        times.set_xlabel(f"nodes (n = {_counts(table)} runs per point)")
        return render(
            times,
            name="scaling",
            title="Scaling: loop time and parallel efficiency over nodes",
            caption=(
                "Left: median loop time with its 95 % order-statistic interval, both axes "
                "logarithmic; dashed: ideal, from each operator's smallest size. Right: speed-up "
                "over the smallest size in percent of the growth in ranks, with its bootstrap "
                f"interval. n per point: {_counts(table)}. Points of one size are moved apart."
            ),
        )


def _draw(
    times: Axes,
    efficiency: Axes,
    own: pd.DataFrame,
    *,
    label: str,
    style: tuple[int, tuple[float, float, float]],
) -> None:
    index, colour = style
    nodes = own["nodes"] * 1.03**index  # intervals of two operators do not hide each other
    median = own["loop_time_median_s"]
    shared: dict[str, Any] = {
        "color": colour,
        "marker": _MARKERS[index % len(_MARKERS)],
        "capsize": 4,
        "ms": 6,
    }
    spread = [median - own["loop_time_low_s"], own["loop_time_high_s"] - median]
    times.errorbar(nodes, median, yerr=spread, label=label, **shared)
    ideal = median.iloc[0] * own["ranks"].iloc[0] / own["ranks"]
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
    times.set_ylabel("median loop time [s]")
    efficiency.set_ylim(0, max(110.0, 1.05 * table["efficiency_percent"].max()))
    efficiency.axhline(100, ls="--", lw=1, color=_IDEAL, zorder=1)
    efficiency.set_ylabel("parallel efficiency [%]")
    times.figure.legend(loc="outside lower center", ncols=4, frameon=False)


def _counts(table: pd.DataFrame) -> str:
    least, most = int(table["n"].min()), int(table["n"].max())
    return str(least) if least == most else f"{least} to {most}"
