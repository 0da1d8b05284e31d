"""The verdicts as lines of text; what all sizes have in common is said once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.analysis.labels import size
from include.analysis.verdicts import SIMULATED, uncompared
from include.report.drawing import SIMULATED_MARK

if TYPE_CHECKING:
    from include.analysis.analysis import Analysis
    from include.analysis.verdicts import Verdict
    from include.report.content import Content


@dataclass(frozen=True, kw_only=True)
class VerdictLine:
    """One size and pair: its verdict, or the measurements and why they give no verdict."""

    size: str
    text: str
    is_winner: bool
    reasons: tuple[str, ...]  # beyond the shared ones


@dataclass(frozen=True, kw_only=True)
class VerdictLines:
    """All verdicts of a report."""

    shared: tuple[str, ...]  # reasons against a verdict that hold at every size
    lines: tuple[VerdictLine, ...]
    uncompared: tuple[str, ...]  # sizes where an operator is missing


def verdict_lines(analysis: Analysis) -> VerdictLines:
    """The verdicts of an analysis, by size."""
    verdicts = analysis.verdicts
    shared = tuple(
        reason
        for reason in (verdicts[0].reasons if len(verdicts) > 1 else ())
        if all(reason in verdict.reasons for verdict in verdicts)
    )
    return VerdictLines(
        shared=shared,
        lines=tuple(_line(verdict, shared=shared) for verdict in verdicts),
        uncompared=uncompared(analysis.frame),
    )


def headline_text(content: Content) -> str:
    """The answer and the runs behind it, in one paragraph of plain text."""
    shown = content.answer
    mark = (f"{SIMULATED_MARK}.",) if content.tally.simulated else ()
    cost = (content.costs.sentence(),) if content.costs else ()
    return " ".join((*mark, *shown.effect, shown.cause, *cost, content.headline))


def _opening(verdict: Verdict, *, shared: tuple[str, ...]) -> str:
    """Opening that there is no verdict, unless the sentence above the lines says so."""
    if shared or not verdict.reasons:
        return ""
    return f"{'Simulated' if SIMULATED in verdict.reasons else 'Measured'}, no verdict: "


def _line(verdict: Verdict, *, shared: tuple[str, ...]) -> VerdictLine:
    return VerdictLine(
        size=size(verdict.nodes, verdict.ranks, verdict.problem),
        text=f"{_opening(verdict, shared=shared)}{verdict.measured}.",
        is_winner=verdict.winner is not None,
        reasons=tuple(reason for reason in verdict.reasons if reason not in shared),
    )
