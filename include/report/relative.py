"""Every run as percent of the baseline's median at its size, which an axis from zero hides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from include.analysis.cells import SIZE
from include.analysis.labels import count, operator_title
from include.models.figures import in_a_sentence
from include.report.drawing import Drawing, canvas, operator_colours, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.analysis.quantities import Quantity

_GROUP = 0.8  # share of the space of one size
_GOLDEN = 0.6180339887  # its multiples spread points evenly and reproducibly
_INK = "#222222"
_POINT: dict[str, Any] = {"ls": "", "marker": "o", "ms": 4.5, "mec": _INK, "mew": 0.4, "alpha": 0.8}


def draw_relative(runs: pd.DataFrame, figure: Quantity, *, order: Sequence[str]) -> Drawing | None:
    """The figure of merit of each counted run against its size; None without two operators."""
    known = runs.dropna(subset=[figure.name])
    present = [name for name in order if name in set(known["k8s_operator"])]
    if len(present) < 2:  # noqa: PLR2004  a comparison needs two
        return None
    baseline = present[0]
    of_baseline = known[known["k8s_operator"] == baseline].groupby(list(SIZE))[figure.name]
    medians = of_baseline.median().rename("_baseline").reset_index()
    known = known.merge(medians, on=list(SIZE), how="inner")
    known = known.assign(percent=100 * known[figure.name] / known["_baseline"])
    if known.empty:
        return None
    is_simulated = bool(runs["simulated"].any())
    sizes = known.groupby(list(SIZE)).ngroups
    with canvas(
        width_in=max(6.5, 2.5 + 1.4 * sizes), height_in=4.4, is_simulated=is_simulated
    ) as axes:
        _draw(axes, known, present, colours=operator_colours(order))
        axes.set_xlabel("nodes")
        axes.set_ylabel(f"{in_a_sentence(figure.title)} [% of the baseline's median]")
        return render(
            axes,
            name=f"{figure.name}_relative",
            title=f"{figure.title} of every run against {operator_title(baseline)}",
            caption=(
                f"Each valid run as percent of the median of {operator_title(baseline)} at its "
                f"size; lines: medians. {str(figure.better).capitalize()} is better. "
                f"n = {len(known)} runs; the axis does not begin at zero."
            ),
        )


def _draw(
    axes: Axes,
    runs: pd.DataFrame,
    order: Sequence[str],
    *,
    colours: dict[str, tuple[float, float, float]],
) -> None:
    labels = []
    width = _GROUP / len(order)
    for place, (size, cell) in enumerate(runs.groupby(list(SIZE), sort=True)):
        nodes, _, problem = size
        labels.append(f"{count(int(str(nodes)), 'node')}{f', {problem}' if problem else ''}")
        for index, name in enumerate(order):
            values = cell.loc[cell["k8s_operator"] == name, "percent"].to_numpy()
            middle = place + (index - (len(order) - 1) / 2) * width
            shifts = ((np.arange(1, len(values) + 1) * _GOLDEN) % 1 - 0.5) * width * 0.7
            axes.plot(middle + shifts, values, color=colours[name], **_POINT)
            if len(values):
                ends = [middle - width * 0.4, middle + width * 0.4]
                axes.plot(ends, [float(np.median(values))] * 2, color=_INK, lw=2)
    axes.axhline(100, color=_INK, lw=0.8, ls=":")
    axes.set_xticks(range(len(labels)), labels)
    axes.yaxis.grid(visible=True, color="#dddddd", linewidth=0.8)
    handles = [
        Line2D([], [], ls="", marker="o", color=colours[name], label=operator_title(name))
        for name in order
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
