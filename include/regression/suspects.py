"""The first tier: is a night slower than the nights before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.stats import mannwhitneyu

from include.regression.levels import compare
from include.regression.rules import LEVEL
from include.regression.series import effect_of

if TYPE_CHECKING:
    from include.regression.rules import Rules
    from include.regression.series import Night, Series


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A night that may be slower than its reference; worth a confirmation, not an alarm."""

    group: str
    night: Night
    relative_effect: float
    low: float
    high: float
    rank_p: float
    night_p: float
    reference: tuple[Night, ...]  # the nights whose repeats it was compared with
    rate_unit: str = ""  # as in its series


def examine_last(series: Series, rules: Rules, *, start: int = 0) -> Suspect | None:
    """The last night as a suspect, None if it is not, or if it has too few nights to compare with.

    `start` is the index of the first night of the present level. A suspect passes three tests:
    its repeats rank above those of the last nights, and its centre is above theirs by more than
    the least effect and by more than nights differ among themselves.
    """
    before = len(series.nights) - 1
    first = max(start, before - rules.noise_nights)
    if before - first < rules.least_nights:
        return None
    centres = series.centres()
    test = compare(centres[first:before], centres[before:])
    if test.difference < math.log1p(rules.suspect_effect):
        return None
    night_p = test.p_value / 2
    near = max(first, before - rules.reference_nights)
    pooled = [value for repeats in series.repeats[near:before] for value in repeats]
    rank_p = float(mannwhitneyu(series.repeats[-1], pooled, alternative="greater").pvalue)
    if night_p >= rules.suspect_night_p or rank_p >= rules.suspect_rank_p:
        return None
    low, high = test.interval(LEVEL)
    return Suspect(
        group=series.group,
        night=series.nights[-1],
        relative_effect=effect_of(test.difference, is_rate=series.is_rate),
        low=effect_of(low, is_rate=series.is_rate),
        high=effect_of(high, is_rate=series.is_rate),
        rank_p=rank_p,
        night_p=night_p,
        reference=series.nights[near:before],
        rate_unit=series.rate_unit,
    )
