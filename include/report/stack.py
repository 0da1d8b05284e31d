"""Stacked bars: where the time of a run goes under each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.labels import count, operator_title, seconds
from include.analysis.phases import clock_note, phase_medians
from include.models.timeline import PHASES
from include.report.drawing import Drawing, canvas, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_LEAST_SHARE_SEEN = 0.002  # share of the axis below which a segment is hidden by its edge
_LEAST_SHARE_WRITTEN = 0.055  # share of the axis below which a segment is too narrow for its value


def draw_phases(runs: pd.DataFrame, *, order: Sequence[str]) -> Drawing:
    """Median seconds of each phase, one bar per node count and operator, side by side."""
    table = phase_medians(runs, operators=order)
    short = _too_short(table)
    simulated = bool(runs["simulated"].any())
    height = 2.4 + 0.42 * len(table) + 0.25 * table["nodes"].nunique()
    with canvas(width_in=9.0, height_in=height, is_simulated=simulated) as axes:
        _draw(axes, table, [phase for phase in PHASES if phase not in short])
        axes.set_xlabel("median time [s]")
        return render(
            axes,
            name="phases",
            title="Where the time goes, by nodes and operator",
            caption=(
                "Median of each phase over the valid runs, laid end to end; hatched: deletion, "
                "after the run. Medians need not add up to the median end-to-end time. "
                f"{_left_out(short)}{clock_note(runs)} A negative median is drawn as 0; the "
                "table below keeps it."
            ),
        )


def _too_short(table: pd.DataFrame) -> list[str]:
    """Phases whose bar is invisible: no wider than its edge."""
    drawn = table[list(PHASES)].fillna(0).clip(lower=0)
    full = float(drawn.sum(axis=1).max())
    longest = {phase: float(drawn[phase].max()) for phase in PHASES}
    return [phase for phase, most_s in longest.items() if most_s <= _LEAST_SHARE_SEEN * full]


def _left_out(phases: Sequence[str]) -> str:
    if not phases:
        return ""
    return f"Too short to be seen: {', '.join(PHASES[phase].title for phase in phases)}. "


def _draw(axes: Axes, table: pd.DataFrame, phases: Sequence[str]) -> None:
    places = _places(table["nodes"].tolist())
    drawn = table[list(PHASES)].fillna(0).clip(lower=0)
    full = float(drawn.sum(axis=1).max())
    left = [0.0] * len(table)
    for phase, stretch in ((phase, PHASES[phase]) for phase in phases):
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
        written = [
            seconds(w, stretch.step_s) if w >= _LEAST_SHARE_WRITTEN * full else "" for w in widths
        ]
        texts = axes.bar_label(
            bars, labels=written, label_type="center", fontsize=9, color=stretch.ink
        )
        for text in texts if phase == "delete_s" else ():  # readable on the hatching
            text.set_bbox({"facecolor": stretch.colour, "edgecolor": "none", "pad": 1.5})
        left = [start + width for start, width in zip(left, widths, strict=True)]
    _label(axes, table, places)
    axes.set_xlim(0, full * 1.02 or 1.0)
    if phases:
        axes.figure.legend(loc="outside lower center", ncols=4, frameon=False)


def _label(axes: Axes, table: pd.DataFrame, places: Sequence[float]) -> None:
    rows = table[["k8s_operator", "nodes", "problem", "n"]].itertuples(index=False)
    texts = [
        f"{operator_title(o)}, {count(nodes, 'node')}{f', {p}' if p else ''} (n = {n})"
        for o, nodes, p, n in rows
    ]
    axes.set_yticks(list(places), texts)
    axes.invert_yaxis()  # first row of the table on top
    axes.xaxis.grid(visible=True, color="#dddddd", linewidth=0.8)


def _places(nodes: Sequence[int]) -> list[float]:
    """Rows of one node count close together, with a gap before the next count."""
    places: list[float] = []
    for index, value in enumerate(nodes):
        step = 1.0 if index == 0 or nodes[index - 1] == value else 1.6
        places.append(places[-1] + step if places else 0.0)
    return places
