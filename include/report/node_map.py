"""A map of nodes and runs: a slow node, or unequal placement, shows as a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from include.analysis.table import NODE_SEPARATOR
from include.report.drawing import Drawing, canvas, operator_colours, render
from include.report.labels import count, operator_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

MOST_NODES = 120  # more rows cannot be told apart on a page
_LABELLED = 80
_EMPTY = (0.957, 0.957, 0.957)


def draw_nodes(runs: pd.DataFrame, *, order: Sequence[str]) -> Drawing | None:
    """Nodes down, runs across in their order; None when nothing is known, or too many nodes."""
    known = runs[runs["node_names"] != ""].sort_values("order_index", kind="stable")
    names = sorted({name for text in known["node_names"] for name in text.split(NODE_SEPARATOR)})
    if not names or len(names) > MOST_NODES:
        return None
    partial = sum(
        len(text.split(NODE_SEPARATOR)) < nodes
        for text, nodes in zip(known["node_names"], known["nodes"], strict=True)
    )
    height = 1.9 + 0.125 * max(len(names), 4)
    is_simulated = bool(runs["simulated"].any())
    with canvas(width_in=9.4, height_in=height, is_simulated=is_simulated) as axes:
        _draw(axes, known, names, order=order)
        axes.set_xlabel(
            f"runs in their order (n = {len(known)}), a line where the operator or the size changes"
        )
        axes.set_ylabel(f"{len(names)} nodes")
        return render(
            axes,
            name="nodes",
            title="Which nodes carried each run",
            caption=(
                f"Coloured: the node carried ranks of the run. n = {count(len(known), 'run')} "
                f"whose nodes are known, of {len(runs)}"
                + (f"; of {partial} not all nodes are known" if partial else "")
                + "."
            ),
        )


def _draw(axes: Axes, runs: pd.DataFrame, names: Sequence[str], *, order: Sequence[str]) -> None:
    colours = operator_colours(order)
    present = [name for name in order if name in set(runs["k8s_operator"])]
    row = {name: index for index, name in enumerate(names)}
    grid = np.zeros((len(names), len(runs)))
    pairs = zip(runs["node_names"], runs["k8s_operator"], strict=True)
    for column, (text, operator) in enumerate(pairs):
        for name in text.split(NODE_SEPARATOR):
            grid[row[name], column] = 1 + present.index(operator)
    palette = ListedColormap([_EMPTY, *(colours[name] for name in present)])
    axes.imshow(
        grid, aspect="auto", cmap=palette, vmin=0, vmax=len(present), interpolation="nearest"
    )
    _mark_changes(axes, runs)
    _label(axes, names)
    handles = [Patch(facecolor=colours[name], label=operator_title(name)) for name in present]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)


def _mark_changes(axes: Axes, runs: pd.DataFrame) -> None:
    cells = list(zip(runs["k8s_operator"], runs["nodes"], strict=True))
    starts = [i for i in range(len(cells)) if i == 0 or cells[i] != cells[i - 1]]
    if len(starts) > len(cells) / 2:  # interleaved: every run is a change
        axes.set_xticks([])
        return
    for start in starts[1:]:
        axes.axvline(start - 0.5, color="#222222", lw=1)
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
