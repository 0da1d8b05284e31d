"""All findings in a history: tonight's suspects, and changes of level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import field_validator

from include.models import Model
from include.regression.levels import compare, find_changes, sides
from include.regression.rules import DEFAULT, LEVEL
from include.regression.series import Night, effect_of
from include.regression.suspects import Suspect, examine_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from include.regression.rules import Rules
    from include.regression.series import History, NoData, Series


class Acknowledgement(Model):
    """A user's note that a change of level is known; it stays listed without an alarm."""

    group: str
    night: int | str  # date of the change, within a few nights
    reason: str
    by: str | None = None

    @field_validator("night")
    @classmethod
    def _is_a_night(cls, night: int | str) -> int | str:
        try:
            Night.read(str(night))
        except ValueError:
            msg = f"{night!r} is neither a whole number nor a date (2026-01-31)"
            raise ValueError(msg) from None
        return night


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """A level that changed and stayed, dated to its first night."""

    group: str
    night: Night
    relative_effect: float  # above 0: slower
    low: float
    high: float
    p_value: float
    last_before: Night
    nights_before: int
    nights_after: int
    reason: str | None = None  # reason of its acknowledgement
    rate_unit: str = ""  # as in its series

    @property
    def is_regression(self) -> bool:
        """True for a slowdown, False for an improvement."""
        return self.relative_effect > 0

    @property
    def is_alarming(self) -> bool:
        """True for a slowdown that nobody has acknowledged."""
        return self.is_regression and self.reason is None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The findings in a history."""

    tonight: Night
    groups: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    change_points: tuple[ChangePoint, ...]
    no_data: tuple[NoData, ...]
    too_few: tuple[str, ...]  # groups with too few nights to say anything

    @property
    def has_regression(self) -> bool:
        """True if a confirmed regression is not acknowledged."""
        return any(change.is_alarming for change in self.change_points)


def examine(
    history: History,
    *,
    rules: Rules = DEFAULT,
    acknowledged: Sequence[Acknowledgement] = (),
    pinned: Night | None = None,
) -> Findings:
    """Suspects of the last night and changes of level in all nights, by group.

    With `pinned`, the last night is compared with the nights up to that one, otherwise with the
    nights of the present level.
    """
    changes = {series.group: find_change_points(series, rules) for series in history.series}
    tonight = history.tonight
    suspects = (
        suspect_tonight(series, changes[series.group], rules, pinned=pinned)
        for series in history.series
        if series.nights[-1] == tonight
    )
    return Findings(
        tonight=tonight,
        groups=tuple(changes),
        suspects=tuple(suspect for suspect in suspects if suspect),
        change_points=tuple(
            _with_reason(change, acknowledged, rules)
            for points in changes.values()
            for change in points
        ),
        no_data=history.no_data,
        too_few=tuple(s.group for s in history.series if len(s.nights) <= rules.least_nights),
    )


def find_change_points(series: Series, rules: Rules) -> tuple[ChangePoint, ...]:
    """Every change of level in the nights of a group, by night."""
    centres = series.centres()
    places = change_places(centres, rules)
    points = []
    for place, at in enumerate(places):
        left, right = sides(centres, places, place, window=rules.window_nights)
        test = compare(left, right)
        low, high = test.interval(LEVEL)
        points.append(
            ChangePoint(
                group=series.group,
                night=series.nights[at],
                relative_effect=effect_of(test.difference, is_rate=series.is_rate),
                low=effect_of(low, is_rate=series.is_rate),
                high=effect_of(high, is_rate=series.is_rate),
                p_value=test.p_value,
                last_before=series.nights[at - 1],
                nights_before=len(left),
                nights_after=len(right),
                rate_unit=series.rate_unit,
            )
        )
    return tuple(points)


def change_places(centres: NDArray[np.float64], rules: Rules) -> tuple[int, ...]:
    """Indexes of the first night of each new level."""
    return find_changes(
        centres,
        window=rules.window_nights,
        p=rules.change_p,
        effect=rules.change_effect,
        least_after=rules.nights_after,
    )


def suspect_tonight(
    series: Series,
    changes: Sequence[ChangePoint],
    rules: Rules,
    *,
    pinned: Night | None = None,
) -> Suspect | None:
    """The last night as a suspect, against the nights of its level or those up to `pinned`."""
    if pinned is not None and series.nights[-1] > pinned:
        return examine_last(series.with_baseline(pinned), rules)
    start = series.nights.index(changes[-1].night) if changes else 0
    return examine_last(series, rules, start=start)


def is_same_shift(ours: Night, theirs: int | str, rules: Rules) -> bool:
    """True if two dates may mean the same change, as a date may still move a little."""
    return abs(ours.day - type(ours).read(str(theirs)).day) <= rules.same_shift_nights


def _with_reason(
    change: ChangePoint, acknowledged: Sequence[Acknowledgement], rules: Rules
) -> ChangePoint:
    for word in acknowledged:
        if word.group == change.group and is_same_shift(change.night, word.night, rules):
            return ChangePoint(**{**change.__dict__, "reason": word.reason})
    return change
