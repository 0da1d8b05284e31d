"""Repeats that stop when the answer is known: looks at a few fixed numbers of complete blocks.

Each look inverts the exact Mann-Whitney test into an interval of the shift between two operators'
log times (Hodges and Lehmann, Annals of Mathematical Statistics 34 (1963); Lehmann,
*Nonparametrics* (1975), section 2.4). The levels of all looks, sizes and pairs add up to 5 %, so by
the union bound a study names a false winner in at most 5 % of cases, however its looks and sizes
depend on each other. `docs/statistics.md` shows the rates by simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from include.analysis.intervals import LEAST_N, LEVEL, enclosing_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

# Error shares of the first, second and third look; the last look of a study gets the rest.
# The first suffices for complete separation of six and six runs at four sizes; see ADR 15.
SHARES = (0.2, 0.1, 0.1)
LEAST_EFFECT_PERCENT = 1.5
_SHARES_OF_MOST = (0.5, 0.75, 1.0)  # looks after the first one, as shares of all repeats


class Decision(StrEnum):
    """Reason why a pair needs no further repeats."""

    WINNER = "one is faster"
    NO_DIFFERENCE = "no difference that matters"
    PRECISE = "known as precisely as asked for"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Numbers of blocks at which a study looks at its results, and the level of each look."""

    repeats: tuple[int, ...]  # complete blocks at each look, in ascending order
    levels: tuple[float, ...]  # error of each look; over all looks at most 1 - LEVEL
    comparisons: int  # sizes times pairs of operators, among which each level is split

    def level_at(self, look: int) -> float:
        """Error of one comparison at a look, which counts from 1."""
        return self.levels[look - 1] / self.comparisons


@dataclass(frozen=True, kw_only=True)
class Look:
    """The result of one look at one pair at one size; percentages are of the baseline's time."""

    look: int  # counts from 1
    repeats: int
    difference_percent: float
    low_percent: float  # -100 when the sample is too small for the level
    high_percent: float  # inf likewise
    decision: Decision | None  # None: look again


def schedule(*, repeats_min: int, repeats: int, comparisons: int) -> Schedule:
    """Looks after the least, half, three quarters and all of the repeats, without duplicates."""
    later = (max(repeats_min, round(share * repeats)) for share in _SHARES_OF_MOST)
    counts = tuple(sorted({min(count, repeats) for count in (repeats_min, *later)}))
    shares = SHARES[: len(counts) - 1]
    levels = tuple((1 - LEVEL) * share for share in (*shares, 1 - sum(shares)))
    return Schedule(repeats=counts, levels=levels, comparisons=comparisons)


def look_at(
    values: Sequence[float],
    *,
    baseline: Sequence[float],
    plan: Schedule,
    look: int,
    least_effect_percent: float = LEAST_EFFECT_PERCENT,
    precision_percent: float | None = None,
) -> Look:
    """The result of a look at the first repeats of a pair; times must be positive.

    `precision_percent` is the half width of the interval at which a pair is known well enough.
    """
    estimate, low, high = shift_interval(values, baseline=baseline, level=plan.level_at(look))
    percents = [100 * math.expm1(shift) for shift in (estimate, low, high)]
    return Look(
        look=look,
        repeats=min(len(values), len(baseline)),
        difference_percent=percents[0],
        low_percent=percents[1],
        high_percent=percents[2],
        decision=_decide(*percents, least=least_effect_percent, precision=precision_percent),
    )


def _decide(
    estimate: float, low: float, high: float, *, least: float, precision: float | None
) -> Decision | None:
    if (low > 0 or high < 0) and abs(estimate) >= least:
        return Decision.WINNER
    if -least < low and high < least:
        return Decision.NO_DIFFERENCE
    if precision is not None and (high - low) / 2 <= precision:
        return Decision.PRECISE
    return None


def shift_interval(
    values: Sequence[float], *, baseline: Sequence[float], level: float
) -> tuple[float, float, float]:
    """The median of all log ratios and the exact interval of the shift, with error `level`.

    Infinite ends when the samples are too small for the level. With ties it is wider than needed.
    """
    shifts = np.sort(np.subtract.outer(np.log(values), np.log(baseline)).ravel())
    rank = critical_rank(len(values), len(baseline), level)
    middle = float(np.median(shifts))
    if rank == 0:
        return middle, -math.inf, math.inf
    return middle, float(shifts[rank - 1]), float(shifts[-rank])


@lru_cache(maxsize=4096)
def critical_rank(n: int, m: int, level: float) -> int:
    """The greatest k for which the k-th least and k-th greatest log ratio have error `level`.

    0 when there is none, because the samples are too small.
    """
    total = math.comb(n + m, n)
    rank = 0
    for below in accumulate(_counts(n, m)):
        if 2 * below > level * total:
            break
        rank += 1
    return rank


@lru_cache(maxsize=512)
def _counts(n: int, m: int) -> tuple[int, ...]:
    """Number of orders of two samples by Mann-Whitney U: coefficients of a Gaussian binomial."""
    counts = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for place in range(n * m, m + i - 1, -1):  # times 1 - q^(m + i)
            counts[place] -= counts[place - m - i]
        for place in range(i, n * m + 1):  # divided by 1 - q^i
            counts[place] += counts[place - i]
    return tuple(counts)


def repeats_for(values: Sequence[float], *, precision_percent: float, most: int, seed: int) -> int:
    """Repeats after which a median is known to ± `precision_percent` in nine of ten cases.

    Uses only the spread of the first repeats, never a difference, so no correction is needed.
    Stein, Annals of Mathematical Statistics 16 (1945), with order statistics for the interval.
    """
    random = np.random.default_rng(seed)
    for n in range(max(LEAST_N, len(values)), most):
        rank = enclosing_rank(n) or 1
        samples = np.sort(random.choice(values, size=(_RESAMPLES, n)), axis=1)
        highest, lowest = samples[:, n - rank], samples[:, rank - 1]
        half_widths = 50 * (highest - lowest) / np.median(samples, axis=1)  # percent
        if np.quantile(half_widths, _CERTAINTY) <= precision_percent:
            return n
    return most


_RESAMPLES = 2_000
_CERTAINTY = 0.9
