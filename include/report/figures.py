"""The figures of an analysis; the same records give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.cells import counted, operator_order
from include.analysis.quantities import curves, primaries, quantities, with_derived
from include.models.timeline import PHASES
from include.report.boxes import draw_boxes
from include.report.cost_plot import draw_cost
from include.report.course_plot import draw_course
from include.report.curve_plot import draw_curve
from include.report.differences import draw_differences
from include.report.node_map import draw_nodes
from include.report.order_plot import draw_order
from include.report.relative import draw_relative
from include.report.run_list import LAUNCHER
from include.report.scaling_curve import draw_scaling
from include.report.stack import draw_phases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from include.analysis.analysis import Analysis
    from include.analysis.quantities import Quantity
    from include.cost.ledger import Slice
    from include.report.cost_by_operator import CostByOperator
    from include.report.drawing import Drawing


def draw_all(
    analysis: Analysis,
    *,
    operators: Sequence[str] = (),
    costs: CostByOperator | None = None,
    course: Sequence[Slice] = (),
) -> tuple[Drawing, ...]:
    """Differences, runs against the baseline, cost, box plots, scaling, phases, course, nodes.

    A figure that would be empty is left out. `operators` fixes their order everywhere; `course` is
    the activity of the study's nodes while they were paid for.
    """
    runs = with_derived(counted(analysis.frame))
    present = set(analysis.frame["k8s_operator"])
    order = [name for name in operator_order(analysis.frame, operators) if name in present]
    drawn = [
        *_comparing(analysis, runs, costs, order=order),
        *_by_size(analysis, runs, order=order),
        *_by_time_and_place(analysis, runs, course, order=order),
    ]
    return tuple(drawing for drawing in drawn if drawing is not None)


def _comparing(
    analysis: Analysis, runs: pd.DataFrame, costs: CostByOperator | None, *, order: Sequence[str]
) -> Iterator[Drawing | None]:
    """Figures of the differences between operators, and of their costs."""
    is_simulated = bool(runs["simulated"].any())
    if analysis.comparisons["low_percent"].notna().any():
        every = quantities(analysis.frame)
        yield draw_differences(analysis.comparisons, every, is_simulated=is_simulated)
    for figure in primaries(analysis.frame):
        yield draw_relative(runs, figure, order=order)
    if costs is not None:
        yield draw_cost(analysis.summary, costs, order=order, is_simulated=is_simulated)


def _by_size(
    analysis: Analysis, runs: pd.DataFrame, *, order: Sequence[str]
) -> Iterator[Drawing | None]:
    """The quantities by size, their scaling, the curves, and the phases of a run."""
    is_simulated = bool(runs["simulated"].any())
    for quantity in quantities(analysis.frame):
        if _can_be_seen(runs, quantity):
            yield draw_boxes(runs, quantity, order=order)
    figures, scaling = primaries(analysis.frame), analysis.scaling
    if len(figures) == 1 and figures[0].scales and len(set(scaling["nodes"])) > 1:
        yield draw_scaling(
            scaling, analysis.summary, figures[0], order=order, is_simulated=is_simulated
        )
    for curve in curves(analysis.frame):
        points, pairs = (
            table[table["curve"] == curve.name] for table in (analysis.curves, analysis.curve_pairs)
        )
        if len(points):
            yield draw_curve(points, pairs, curve, order=order, is_simulated=is_simulated)
    if runs[list(PHASES)].notna().any(axis=None):
        yield draw_phases(runs, order=order)


def _by_time_and_place(
    analysis: Analysis, runs: pd.DataFrame, course: Sequence[Slice], *, order: Sequence[str]
) -> Iterator[Drawing | None]:
    """The course of the study, the runs in order, and their nodes."""
    figures = primaries(analysis.frame)
    yield draw_course(analysis.frame, course, order=order)
    for figure in figures:
        if runs[figure.name].gt(0).any():
            yield draw_order(runs, figure, order=order)
    yield draw_nodes(runs, next(iter(figures), LAUNCHER), order=order)


def _can_be_seen(runs: pd.DataFrame, quantity: Quantity) -> bool:
    """True if there is something to draw that spans more than one step of its clock."""
    known = runs[quantity.name].dropna()
    return not known.empty and (not quantity.step_s or float(known.median()) > quantity.step_s)
