"""The figure: each step against the number of nodes, both axes logarithmic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from include.control_path.arms import QUEUED
from include.report.drawing import Drawing, operator_colours, panels, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

PANELS = {
    "all_run": "created → all pods run",
    "notice": "pods ended → terminal",
    "delete": "deleted → all gone",
    "cpu_of_its_own": "CPU of the controller",
}
LEAST_S = 0.01
_MARKERS = "osD^vPX*"


def draw(frame: pd.DataFrame, table: pd.DataFrame, *, labels: Mapping[str, str]) -> Drawing:
    """A panel per step: medians as lines, every run as a point; `labels` by arm, in order."""
    with panels(len(PANELS), width_in=14.5, height_in=4.6, is_simulated=False) as drawn:
        for axes, (column, title) in zip(drawn, PANELS.items(), strict=True):
            _draw(axes, frame, table, column=column, arms=list(labels))
            _finish(axes, sorted(table["nodes"].unique()), title=title)
        drawn[0].set_ylabel("time [s]")
        lines = dict(zip(labels, drawn[0].get_lines()[::2], strict=True))
        handles = {title: lines[arm] for arm, title in labels.items() if QUEUED not in arm}
        if len(handles) < len(lines):
            handles["the same, admitted by Kueue"] = Line2D([], [], color="#555555", ls="--")
        drawn[0].figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False
        )
        return render(
            drawn[0],
            name="control_path",
            title="Control paths measured with real controllers on simulated nodes",
            caption="Lines: medians; points: every run; both axes logarithmic.",
        )


def _draw(
    axes: Axes, frame: pd.DataFrame, table: pd.DataFrame, *, column: str, arms: Sequence[str]
) -> None:
    """Draw the arms; one with a queue looks like the one without, but dashed and hollow."""
    alone = list(dict.fromkeys(arm.removesuffix(QUEUED) for arm in arms))
    colours = operator_colours(alone)
    for arm in arms:
        own, runs = (rows[rows["arm"] == arm] for rows in (table, frame))
        name, is_queued = arm.removesuffix(QUEUED), arm.endswith(QUEUED)
        style: dict[str, Any] = {
            "color": colours[name],
            "marker": _MARKERS[alone.index(name) % len(_MARKERS)],
            "mfc": "white" if is_queued else colours[name],
        }
        middle = own[column].clip(lower=LEAST_S)
        axes.plot(own["nodes"], middle, ms=6, lw=1.8, ls="--" if is_queued else "-", **style)
        every = runs[column].clip(lower=LEAST_S)
        axes.plot(runs["nodes"], every, ms=3, ls="", alpha=0.5, **style)


def _finish(axes: Axes, nodes: Sequence[int], *, title: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(nodes, [str(value) for value in nodes], fontsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("nodes of the job")
    axes.set_title(title, fontsize=10)
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
