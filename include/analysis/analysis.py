"""All statistics of a set of records in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.analysis.arms import with_arms
from include.analysis.comparison import compare
from include.analysis.curves import curve_pairs, curve_points
from include.analysis.drift import drift
from include.analysis.phases import phase_medians
from include.analysis.problems import with_problems
from include.analysis.scaling import scaling
from include.analysis.summary import summarise
from include.analysis.verdicts import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from include.analysis.adaptive import PairLook


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The records, their operators kept apart by study, and all tables made from them."""

    frame: pd.DataFrame
    summary: pd.DataFrame
    phases: pd.DataFrame
    comparisons: pd.DataFrame
    drifts: pd.DataFrame
    scaling: pd.DataFrame
    curves: pd.DataFrame  # a figure over an axis: medians
    curve_pairs: pd.DataFrame  # differences between two operators over that axis
    verdicts: tuple[Verdict, ...]


def analyse(
    frame: pd.DataFrame, *, operators: Sequence[str] = (), looks: Iterable[PairLook] = ()
) -> Analysis:
    """The analysis of a table of records; `operators` fixes their order, by default that of runs.

    `looks` are those of a study that may end early: they decide instead of the usual test,
    whose 5 % hold for one look only.

    Also works for a table without records.
    """
    runs = with_problems(with_arms(frame))
    comparisons = compare(runs, operators=operators)
    drifts = drift(runs, operators=operators)
    return Analysis(
        frame=runs,
        summary=summarise(runs, operators=operators),
        phases=phase_medians(runs, operators=operators),
        comparisons=comparisons,
        drifts=drifts,
        scaling=scaling(runs, operators=operators),
        curves=curve_points(runs, operators=operators),
        curve_pairs=curve_pairs(runs, operators=operators),
        verdicts=judge(runs, comparisons=comparisons, drifts=drifts, looks=looks),
    )
