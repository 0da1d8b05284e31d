"""Medians of each phase of a run's timeline: where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.analysis.cells import counted, in_order, operator_order
from include.analysis.labels import operator_title
from include.models import AppClock
from include.models.timeline import PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CLOCK_NOTE = (
    "Stamps of the API server and the kubelet are whole seconds, cut off, not rounded; stamps of "
    "log lines are finer. A phase between two stamps of different kinds is therefore off by up to "
    "one second and can come out slightly negative. Nothing is clipped in the data."
)


def clock_note(frame: pd.DataFrame) -> str:
    """Notes for the reader on the clocks of phases, which may differ by operator."""
    clocks = counted(frame).get("app_clock")
    if clocks is None or AppClock.LAUNCHER not in set(clocks):
        return CLOCK_NOTE
    by_launcher = counted(frame)[clocks == AppClock.LAUNCHER]["k8s_operator"].unique()
    return (
        f"{CLOCK_NOTE} Of {', '.join(map(operator_title, by_launcher))} start and end of the "
        "application are events of its own launcher (1 ms), as that passes output on late: the "
        "start of the ranks counts as application there, and as bootstrap where its first line "
        "tells the start. Compare loop and launcher times instead."
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
