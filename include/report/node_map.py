"""A map of nodes and runs, coloured by each run's deviation: a slow node shows as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.patches import Patch

from include.analysis.labels import count, operator_title, signed
from include.analysis.table import NODE_SEPARATOR
from include.models.figures import in_a_sentence
from include.report.drawing import TITLE_PAD, Drawing, canvas, operator_colours, render
from include.report.run_list import deviations

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from include.analysis.quantities import Quantity

MOST_NODES = 120  # more rows are not legible on a page
_LABELLED = 80
_LEAST_ROWS = 16  # height needed by the scale's title
_EMPTY = (0.957, 0.957, 0.957)
_UNKNOWN = (0.75, 0.75, 0.75)  # a node of a run without the figure
_COLOURS = "PuOr"  # safe for colour-blind readers; white is the median
_LEAST_LIMIT_PERCENT = 1.0
_LEAST_NAMED_PERCENT = 1.0  # deviation from which a node stands out
_INK = "#222222"
_BAND_IN = 0.14  # height of the band of operators


def draw_nodes(runs: pd.DataFrame, figure: Quantity, *, order: Sequence[str]) -> Drawing | None:
    """Nodes against runs in their order; None when nothing is known, or for too many nodes."""
    away = deviations(runs, figure.name)
    known = runs.assign(_away=away)[runs["node_names"] != ""]
    known = known.sort_values("order_index", kind="stable")
    names = sorted({name for text in known["node_names"] for name in text.split(NODE_SEPARATOR)})
    if not names or len(names) > MOST_NODES:
        return None
    is_simulated = bool(runs["simulated"].any())
    height = 2.2 + 0.125 * max(len(names), _LEAST_ROWS)
    with canvas(width_in=9.4, height_in=height, is_simulated=is_simulated) as axes:
        _draw(axes, known, names, title=in_a_sentence(figure.title))
        _draw_operators(axes, known, order=order, height=_BAND_IN / height)
        changes = ", a line where the operator or the size changes" if len(axes.lines) else ""
        axes.set_xlabel(f"runs in their order (n = {len(known)}){changes}")
        axes.set_ylabel(count(len(names), "node"))
        return render(
            axes,
            name="nodes",
            title="Which nodes carried each run, and how far it lay from its cell",
            caption=_caption(known, names, figure, total=len(runs)),
            pad=2 * TITLE_PAD,
        )


def _caption(known: pd.DataFrame, names: Sequence[str], figure: Quantity, *, total: int) -> str:
    partial = sum(
        len(text.split(NODE_SEPARATOR)) < nodes
        for text, nodes in zip(known["node_names"], known["nodes"], strict=True)
    )
    return (
        f"A cell of the map is coloured where the node carried ranks of the run, by how far the "
        f"run's {in_a_sentence(figure.title)} lies from the median of its operator and size; grey: "
        f"not known. Right: the median over the runs of each node; a node apart from the others is "
        f"the one to look at.{_extreme(known, names)} n = {count(len(known), 'run')} whose nodes "
        f"are known, of {total}"
        + (f"; of {partial} not all nodes are known" if partial else "")
        + "."
    )


def _extreme(known: pd.DataFrame, names: Sequence[str]) -> str:
    """The node whose runs deviate most from the others', if any does."""
    middles = _medians(_grid(known, names))
    if np.isnan(middles).all():
        return ""
    apart = np.abs(middles - np.nanmedian(middles))
    place = int(np.nanargmax(apart))
    if apart[place] < _LEAST_NAMED_PERCENT:
        return ""
    return f" Farthest: {names[place]}, {signed(float(middles[place]))} %."


def _grid(runs: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Percent by node and run; NaN where the node was not used, inf where it is unknown."""
    row = {name: index for index, name in enumerate(names)}
    grid = np.full((len(names), len(runs)), np.nan)
    pairs = zip(runs["node_names"], runs["_away"].fillna(np.inf), strict=True)
    for column, (text, away) in enumerate(pairs):
        grid[[row[name] for name in text.split(NODE_SEPARATOR)], column] = away
    return grid


def _medians(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    known = [values[np.isfinite(values)] for values in grid]
    return np.array([np.median(values) if len(values) else np.nan for values in known])


def _draw(axes: Axes, runs: pd.DataFrame, names: Sequence[str], *, title: str) -> None:
    grid = _grid(runs, names)
    finite = np.abs(grid[np.isfinite(grid)])
    # A single slow run must not turn all others white.
    limit = max(_LEAST_LIMIT_PERCENT, float(np.percentile(finite, 95)) if finite.size else 0.0)
    colours = mpl.colormaps[_COLOURS].reversed().with_extremes(bad=_EMPTY)
    scale = Normalize(-limit, limit)
    pixels = colours(scale(np.ma.masked_invalid(grid)))
    pixels[np.isinf(grid), :3] = _UNKNOWN
    axes.imshow(pixels, aspect="auto", interpolation="nearest")
    _mark_changes(axes, runs)
    _label(axes, names)
    _draw_medians(axes, grid)
    _draw_scale(axes, mpl.cm.ScalarMappable(scale, colours), title=title)


def _draw_medians(axes: Axes, grid: NDArray[np.float64]) -> None:
    beside = axes.inset_axes((1.015, 0.0, 0.11, 1.0), sharey=axes)
    beside.axvline(0, color=_INK, lw=0.8)
    beside.plot(_medians(grid), range(len(grid)), ls="", marker="o", ms=3, color=_INK)
    reach = max(1.0, 1.15 * float(np.nanmax(np.abs(np.append(_medians(grid), 0.0)))))
    beside.set_xlim(-reach, reach)
    beside.tick_params(axis="y", left=False, labelleft=False)
    beside.tick_params(axis="x", labelsize=8)
    beside.set_xlabel("node [%]", fontsize=9)


def _draw_scale(axes: Axes, colours: Any, *, title: str) -> None:
    beside = axes.inset_axes((1.145, 0.0, 0.018, 1.0))
    bar = axes.figure.colorbar(colours, cax=beside, extend="both")
    bar.set_label(f"{title} against its cell's median [%]", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _draw_operators(axes: Axes, runs: pd.DataFrame, *, order: Sequence[str], height: float) -> None:
    """A band above the map with the operator of each run."""
    colours = operator_colours(order)
    present = [name for name in order if name in set(runs["k8s_operator"])]
    band = axes.inset_axes((0.0, 1 + height / 4, 1.0, height))
    pixels = np.array([[colours[name] for name in runs["k8s_operator"]]])
    image: AxesImage = band.imshow(pixels, aspect="auto", interpolation="nearest")
    image.axes.set_axis_off()
    handles = [Patch(facecolor=colours[name], label=operator_title(name)) for name in present]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)


def _mark_changes(axes: Axes, runs: pd.DataFrame) -> None:
    cells = list(zip(runs["k8s_operator"], runs["nodes"], strict=True))
    starts = [i for i in range(len(cells)) if i == 0 or cells[i] != cells[i - 1]]
    if len(starts) > len(cells) / 2:  # interleaved: every run is a change
        axes.set_xticks([])
        return
    for start in starts[1:]:
        axes.axvline(start - 0.5, color=_INK, lw=1)
    ends = [*starts[1:], len(cells)]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    axes.set_xticks(middles, [count(int(cells[start][1]), "node") for start in starts])
    axes.tick_params(axis="x", length=0)


def _label(axes: Axes, names: Sequence[str]) -> None:
    if len(names) > _LABELLED:
        axes.set_yticks([])
        return
    domains = {name.partition(".")[2] for name in names}
    shown = [name.partition(".")[0] for name in names] if len(domains) == 1 else list(names)
    axes.set_yticks(range(len(names)), shown, fontsize=6)
