"""Where the time of a run goes: the median of each phase of its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.cells import counted, in_order, operator_order
from include.models.timeline import PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CLOCK_NOTE = (
    "Stamps of the API server and the kubelet are whole seconds, cut off, not rounded; stamps of "
    "log lines are finer. A phase between two stamps of different kinds is therefore off by up to "
    "one second and can come out slightly negative. Nothing is clipped in the data."
)


def phase_medians(frame: pd.DataFrame, *, operators: Sequence[str] = ()) -> pd.DataFrame:
    """Median seconds of every phase, one row per operator, node count and problem.

    Columns: k8s_operator, nodes, problem, n (counted records), then `PHASES`, NaN
    where no record of the cell has the phase. Medians of phases need not add up to the median of
    their sum.
    """
    groups = counted(frame).groupby(["k8s_operator", "nodes", "problem"], sort=False)
    medians = groups[list(PHASES)].median()
    medians.insert(0, "n", groups.size())
    return in_order(medians.reset_index(), operator_order(frame, operators))
