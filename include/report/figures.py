"""The figures of an analysis; the same records give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.cells import counted, operator_order
from include.analysis.quantities import curves, primaries, quantities, with_derived
from include.models.timeline import PHASES
from include.report.boxes import draw_boxes
from include.report.curve_plot import draw_curve
from include.report.differences import draw_differences
from include.report.node_map import draw_nodes
from include.report.order_plot import draw_order
from include.report.relative import draw_relative
from include.report.scaling_curve import draw_scaling
from include.report.stack import draw_phases

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.analysis.analysis import Analysis
    from include.report.drawing import Drawing

WHOLE_SECONDS = {"creation_s", "delete_s"}  # by stamps of API server and kubelet alone
CLOCK_STEP_S = 1.0


def draw_all(analysis: Analysis, *, operators: Sequence[str] = ()) -> tuple[Drawing, ...]:
    """Differences, runs against the baseline, box plots, scaling, phases, order and nodes.

    A figure that would be empty is left out. `operators` fixes their order everywhere.
    """
    runs = with_derived(counted(analysis.frame))
    present = set(analysis.frame["k8s_operator"])
    order = [name for name in operator_order(analysis.frame, operators) if name in present]
    is_simulated = bool(runs["simulated"].any())
    every = quantities(analysis.frame)
    drawn: list[Drawing | None] = []
    if analysis.comparisons["low_percent"].notna().any():
        drawn.append(draw_differences(analysis.comparisons, every, is_simulated=is_simulated))
    figures = primaries(analysis.frame)
    drawn += [draw_relative(runs, figure, order=order) for figure in figures]
    drawn += [draw_boxes(runs, q, order=order) for q in every if _can_be_seen(runs, q.name)]
    if len(figures) == 1 and figures[0].scales and len(set(analysis.scaling["nodes"])) > 1:
        drawn.append(
            draw_scaling(
                analysis.scaling,
                analysis.summary,
                figures[0],
                order=order,
                is_simulated=is_simulated,
            )
        )
    drawn += [
        draw_curve(
            analysis.curves[analysis.curves["curve"] == curve.name],
            analysis.curve_pairs[analysis.curve_pairs["curve"] == curve.name],
            curve,
            order=order,
            is_simulated=is_simulated,
        )
        for curve in curves(analysis.frame)
        if analysis.curves["curve"].eq(curve.name).any()
    ]
    if runs[list(PHASES)].notna().any(axis=None):
        drawn.append(draw_phases(runs, order=order))
    drawn += [
        draw_order(runs, figure, order=order) for figure in figures if runs[figure.name].gt(0).any()
    ]
    drawn.append(draw_nodes(runs, order=order))
    return tuple(drawing for drawing in drawn if drawing is not None)


def _can_be_seen(runs: pd.DataFrame, name: str) -> bool:
    """True if there is something to draw, and it is no noise of a clock of whole seconds."""
    known = runs[name].dropna()
    return not known.empty and (name not in WHOLE_SECONDS or float(known.median()) > CLOCK_STEP_S)
