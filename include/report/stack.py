"""Stacked bars: where the time of a run goes under each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.phases import clock_note, phase_medians
from include.models.timeline import PHASES
from include.report.drawing import Drawing, canvas, render
from include.report.labels import count, operator_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_LEAST_SHARE_WRITTEN = 0.055  # share of the axis below which a segment has no room for its value


def draw_phases(runs: pd.DataFrame, *, order: Sequence[str]) -> Drawing:
    """Median seconds of each phase, one bar per node count and operator, side by side."""
    table = phase_medians(runs, operators=order)
    simulated = bool(runs["simulated"].any())
    height = 2.4 + 0.42 * len(table) + 0.25 * table["nodes"].nunique()
    with canvas(width_in=9.0, height_in=height, is_simulated=simulated) as axes:
        _draw(axes, table)
        axes.set_xlabel("median time [s]")
        return render(
            axes,
            name="phases",
            title="Where the time goes, by nodes and operator",
            caption=(
                "Median of each phase over the valid runs, laid end to end; hatched: deletion, "
                "after the run. Medians need not add up to the median end-to-end time. "
                f"{clock_note(runs)} A negative median is drawn as 0; the table below keeps it."
            ),
        )


def _draw(axes: Axes, table: pd.DataFrame) -> None:
    places = _places(table["nodes"].tolist())
    drawn = table[list(PHASES)].fillna(0).clip(lower=0)
    full = float(drawn.sum(axis=1).max())
    left = [0.0] * len(table)
    for phase, stretch in PHASES.items():
        widths = drawn[phase].tolist()
        bars = axes.barh(
            places,
            widths,
            left=left,
            height=0.8,
            color=stretch.colour,
            edgecolor="#444444",
            linewidth=0.5,
            hatch="////" if phase == "delete_s" else None,
            label=stretch.title,
        )
        written = [f"{w:.2f}" if w >= _LEAST_SHARE_WRITTEN * full else "" for w in widths]
        texts = axes.bar_label(
            bars, labels=written, label_type="center", fontsize=9, color=stretch.ink
        )
        for text in texts if phase == "delete_s" else ():  # readable in front of the hatching
            text.set_bbox({"facecolor": stretch.colour, "edgecolor": "none", "pad": 1.5})
        left = [start + width for start, width in zip(left, widths, strict=True)]
    _label(axes, table, places)
    axes.set_xlim(0, full * 1.02 or 1.0)
    axes.figure.legend(loc="outside lower center", ncols=4, frameon=False)


def _label(axes: Axes, table: pd.DataFrame, places: Sequence[float]) -> None:
    rows = table[["k8s_operator", "nodes", "problem", "n"]].itertuples(index=False)
    texts = [
        f"{operator_title(o)}, {count(nodes, 'node')}{f', {p}' if p else ''} (n = {n})"
        for o, nodes, p, n in rows
    ]
    axes.set_yticks(list(places), texts)
    axes.invert_yaxis()  # the first row of the table on top
    axes.xaxis.grid(visible=True, color="#dddddd", linewidth=0.8)


def _places(nodes: Sequence[int]) -> list[float]:
    """Rows of one node count close together, a gap before the next count."""
    places: list[float] = []
    for index, value in enumerate(nodes):
        step = 1.0 if index == 0 or nodes[index - 1] == value else 1.6
        places.append(places[-1] + step if places else 0.0)
    return places
