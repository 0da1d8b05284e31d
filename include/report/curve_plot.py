"""A figure of merit against message size, every operator with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, NullLocator

from include.analysis.curves import curve_sentences
from include.analysis.labels import operator_title, size
from include.models.figures import in_a_sentence
from include.report.drawing import Drawing, operator_colours, panels, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.models import FigureOfMerit

_MARKERS = "osD^vPX*"
_PREFIXES = (("Mi", 1 << 20), ("Ki", 1 << 10))
MOST_PANELS = 4  # side by side; further sizes are in the table


def draw_curve(
    points: pd.DataFrame,
    pairs: pd.DataFrame,
    figure: FigureOfMerit,
    *,
    order: Sequence[str],
    is_simulated: bool,
) -> Drawing:
    """One panel per size of the job; `points` and `pairs` are rows of this figure alone."""
    cells = list(points.groupby(["nodes", "ranks", "problem"], sort=True))[:MOST_PANELS]
    width = max(6.5, 4.2 * len(cells))
    with panels(len(cells), width_in=width, height_in=4.6, is_simulated=is_simulated) as drawn:
        for axes, ((nodes, ranks, problem), cell) in zip(drawn, cells, strict=True):
            _draw(axes, cell, order=order)
            axes.set_xlabel(
                f"{figure.axis.replace('_', ' ')} "
                f"({size(int(str(nodes)), int(str(ranks)), str(problem))}, n = {_counts(cell)})"
            )
        drawn[0].set_ylabel(f"median {in_a_sentence(figure.title)} [{figure.unit}]")
        handles, labels = drawn[0].get_legend_handles_labels()
        drawn[0].figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        return render(
            drawn[0],
            name=figure.name,
            title=f"{figure.title} over {figure.axis.replace('_', ' ')}",
            caption=(
                f"Median by size, both axes logarithmic; {figure.better} is better. Bars: the 95 % "
                "order-statistic interval, from 6 runs on. Operators are moved apart. "
                + " ".join(curve_sentences(pairs))
            ),
        )


def _draw(axes: Axes, cell: pd.DataFrame, *, order: Sequence[str]) -> None:
    for index, (name, colour) in enumerate(operator_colours(order).items()):
        own = cell[(cell["k8s_operator"] == name) & cell["at"].gt(0) & cell["median"].gt(0)]
        if own.empty:
            continue
        spread = [own["median"] - own["low"], own["high"] - own["median"]]
        axes.errorbar(
            own["at"] * 1.04**index,
            own["median"],
            yerr=[bar.clip(lower=0) for bar in spread],
            label=operator_title(name),
            color=colour,
            marker=_MARKERS[index % len(_MARKERS)],
            ms=4,
            lw=1.2,
            capsize=2,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: bytes_text(value)))
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(plain)
    axes.yaxis.set_minor_formatter(plain)
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)


def bytes_text(value: float) -> str:
    """`64 Ki`, `512`."""
    for prefix, unit in _PREFIXES:
        if value >= unit:
            return f"{value / unit:.0f} {prefix}"
    return f"{value:.0f}"


def _counts(cell: pd.DataFrame) -> str:
    least, most = int(cell["n"].min()), int(cell["n"].max())
    return str(least) if least == most else f"{least} to {most}"
