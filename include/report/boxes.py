"""Box plots of a time by size and operator, with every run as a point."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.patches import Patch

from include.analysis.cells import SIZE
from include.analysis.labels import count, operator_title
from include.models.figures import in_a_sentence
from include.report.drawing import Drawing, canvas, operator_colours, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from include.analysis.quantities import Quantity

WHISKERS = (5, 95)  # percentiles, as in the original figures
_GROUP_WIDTH = 0.8  # share of the space of one node count
_GOLDEN = 0.6180339887  # its multiples spread points evenly and reproducibly
_ROOM_ABOVE = 1.16  # space for the number of runs
_INK = "#222222"
_BOX_STYLE: dict[str, Any] = {
    "width": _GROUP_WIDTH,
    "gap": 0.15,
    "whis": WHISKERS,
    "showfliers": False,  # every run is drawn as a point anyway
    "boxprops": {"alpha": 0.45},
    "linecolor": _INK,
    "linewidth": 1.0,
}
HOW_TO_READ = (
    f"Box: median and quartiles; whiskers: {WHISKERS[0]} to {WHISKERS[1]} %; every run is a point; "
    "n is the number of runs."
)


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """The data of a box plot."""

    name: str
    column: str
    title: str
    axis: str  # without its unit
    unit: str = "s"
    caption: str
    from_zero: bool = True


def draw_boxes(runs: pd.DataFrame, quantity: Quantity, *, order: Sequence[str]) -> Drawing:
    """The drawing of one quantity; `runs` are counted records, `order` is that of the operators."""
    title = quantity.title
    better = "" if quantity.is_time else f" {quantity.better.capitalize()} is better."
    shown = Boxes(
        name=quantity.name,
        column=quantity.name,
        title=f"{title} by nodes and operator",
        axis=in_a_sentence(title),
        unit=quantity.unit,
        caption=(
            f"{title}: {quantity.meaning}.{better} {HOW_TO_READ} Valid runs, warm-ups are "
            "left out; the axis begins at zero, or below when a run does."
        ),
    )
    return draw(runs, shown, order=order)


def draw(runs: pd.DataFrame, shown: Boxes, *, order: Sequence[str]) -> Drawing:
    """The drawing of one column of the runs; operators without a value are left out."""
    known = runs.dropna(subset=[shown.column])
    colours = {  # taken before any operator is left out, so that each keeps its colour
        name: colour
        for name, colour in operator_colours(order).items()
        if name in set(known["k8s_operator"])
    }
    cells = known.groupby(list(SIZE)).ngroups
    width = max(6.5, 2.2 + 0.75 * cells * len(colours))
    is_simulated = bool(runs["simulated"].any())
    with canvas(width_in=width, height_in=4.4, is_simulated=is_simulated) as axes:
        _draw(axes, known.assign(cell=_cell_labels(known)), shown, colours=colours)
        axes.set_xlabel("nodes (MPI ranks)")
        axes.set_ylabel(f"{shown.axis} [{shown.unit}]")
        return render(axes, name=shown.name, title=shown.title, caption=shown.caption)


def _cell_labels(runs: pd.DataFrame) -> list[str]:
    rows = runs[list(SIZE)].itertuples(index=False)
    return [
        f"{nodes} ({count(ranks, 'rank')})" + (f"\n{problem}" if problem else "")
        for nodes, ranks, problem in rows
    ]


def _draw(
    axes: Axes,
    runs: pd.DataFrame,
    shown: Boxes,
    *,
    colours: dict[str, tuple[float, float, float]],
) -> None:
    runs = runs.sort_values(list(SIZE), kind="stable")
    labels = list(dict.fromkeys(runs["cell"]))
    shared: dict[str, Any] = {
        "x": "cell",
        "order": labels,
        "hue": "k8s_operator",
        "hue_order": list(colours),
    }
    shared |= {"data": runs, "y": shown.column, "palette": colours, "ax": axes, "legend": False}
    with warnings.catch_warnings():
        # seaborn 0.13.2 still passes matplotlib 3.11 the older of two equal arguments
        warnings.filterwarnings("ignore", message="vert: bool was deprecated")
        sns.boxplot(**shared, **_BOX_STYLE)
    sns.stripplot(**shared, dodge=True, jitter=False, size=4, linewidth=0.6, edgecolor=_INK)
    _spread_points(axes, len(colours))
    _limit(axes, runs[shown.column], from_zero=shown.from_zero)
    axes.yaxis.grid(visible=True, color="#dddddd", linewidth=0.8)
    _write_counts(axes, runs, labels, list(colours))
    handles = [Patch(facecolor=colours[name], label=operator_title(name)) for name in colours]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)


def _limit(axes: Axes, values: pd.Series[float], *, from_zero: bool) -> None:
    least, most = float(values.min()), float(values.max())
    low = min(0.0, 1.1 * least) if from_zero else least - 0.05 * (most - least)
    axes.set_ylim(low, low + ((most - low) or 1.0) * _ROOM_ABOVE)


def _spread_points(axes: Axes, operators: int) -> None:
    """Spread the points of a box; seaborn's own jitter is random and differs each time."""
    reach = _GROUP_WIDTH / operators * 0.5
    for points in axes.collections:
        offsets = np.asarray(points.get_offsets(), dtype=float)
        shifts = (np.arange(1, len(offsets) + 1) * _GOLDEN) % 1 - 0.5
        points.set_offsets(np.column_stack([offsets[:, 0] + shifts * reach, offsets[:, 1]]))


def _write_counts(
    axes: Axes, runs: pd.DataFrame, labels: Sequence[str], order: Sequence[str]
) -> None:
    counts = runs.groupby(["cell", "k8s_operator"]).size().to_dict()
    for place, label in enumerate(labels):
        for index, operator in enumerate(order):
            shift = (index - (len(order) - 1) / 2) * _GROUP_WIDTH / len(order)
            axes.text(
                place + shift,
                0.985,
                f"n = {counts.get((label, operator), 0)}",
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="top",
                fontsize=9,
                color=_INK,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
