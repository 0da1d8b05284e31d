"""One alert per level shift, however many nights it lasts and however often it is detected."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from include.models import Model
from include.regression.findings import is_same_shift
from include.regression.series import Night

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.regression.confirmation import Comparison
    from include.regression.findings import ChangePoint
    from include.regression.rules import Rules
    from include.regression.suspects import Suspect

MOST_NIGHTS_AFTER = 30  # an older change is history, not news


class Kind(StrEnum):
    """The kinds of message."""

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"


class Source(StrEnum):
    """The evidence that confirmed a change."""

    CHANGE_POINT = "change point"
    CONFIRMATION = "interleaved confirmation"


class Alert(Model):
    """A change that is reported once."""

    group: str
    night: int | str  # first night of the change
    kind: Kind
    source: Source
    relative_effect: float
    low: float
    high: float
    p_value: float
    told_by: str  # the study whose run reported it
    differs: tuple[str, ...] = ()  # versions before and after
    rate_unit: str = ""  # unit of a figure that should be large; empty: a time


def of_change(change: ChangePoint, *, study_id: str, differs: Sequence[str]) -> Alert:
    """The alert of a change of level."""
    return Alert(
        group=change.group,
        night=change.night.label,
        kind=_kind_of(change),
        source=Source.CHANGE_POINT,
        rate_unit=change.rate_unit,
        **_evidence(change),
        told_by=study_id,
        differs=tuple(differs),
    )


def of_confirmation(
    suspect: Suspect, comparison: Comparison, *, study_id: str, differs: Sequence[str]
) -> Alert:
    """The alert of a suspect that was slower than the last good one on the same cluster."""
    return Alert(
        group=suspect.group,
        night=suspect.night.label,
        kind=Kind.REGRESSION,
        source=Source.CONFIRMATION,
        rate_unit=suspect.rate_unit,
        **_evidence(comparison),
        told_by=study_id,
        differs=tuple(differs),
    )


def _kind_of(change: ChangePoint) -> Kind:
    return Kind.REGRESSION if change.is_regression else Kind.IMPROVEMENT


def _evidence(evidence_from: ChangePoint | Comparison) -> dict[str, float]:
    names = ("relative_effect", "low", "high", "p_value")
    return {name: getattr(evidence_from, name) for name in names}


def is_news(change: ChangePoint, known: Iterable[Alert], rules: Rules) -> bool:
    """True for a recent change that has been neither reported nor acknowledged."""
    kind = _kind_of(change)
    if change.reason is not None or change.nights_after > MOST_NIGHTS_AFTER:
        return False
    return not any(
        alert.group == change.group
        and alert.kind is kind
        and is_same_shift(change.night, alert.night, rules)
        for alert in known
    )


def is_known(
    suspect: Suspect, known: Iterable[Alert], rules: Rules, *, pinned: Night | None = None
) -> bool:
    """True if an alert was sent for the regression that a suspect belongs to.

    With a pinned baseline every later night is as slow, so any alert since the pin counts.
    """
    return any(
        alert.group == suspect.group
        and alert.kind is Kind.REGRESSION
        and (
            is_same_shift(suspect.night, alert.night, rules)
            or (pinned is not None and Night.read(str(alert.night)) > pinned)
        )
        for alert in known
    )
