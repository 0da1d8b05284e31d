"""Bootstrap intervals of the difference of two medians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.analysis.intervals import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

QUICK_RESAMPLES = 10_000
RESAMPLES = 100_000  # three stable digits at an interval's ends


@dataclass(frozen=True, kw_only=True)
class Difference:
    """median(values) minus median(baseline), with percentile intervals; relative: to the latter."""

    value: float
    low: float
    high: float
    relative: float
    relative_low: float
    relative_high: float


def median_difference(
    values: Sequence[float],
    *,
    baseline: Sequence[float],
    seed: int,
    resamples: int = RESAMPLES,
) -> Difference:
    """The difference of two independent samples' medians with its `LEVEL` bootstrap interval.

    Percentile interval; the same seed gives the same interval. Samples must not be empty.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """
    random = np.random.default_rng(seed)
    ours = resampled_medians(values, random=random, resamples=resamples)
    theirs = resampled_medians(baseline, random=random, resamples=resamples)
    middle, reference = float(np.median(values)), float(np.median(baseline))
    low, high = _interval(ours - theirs)
    with np.errstate(divide="ignore", invalid="ignore"):  # a median of 0 has no relative change
        relative_low, relative_high = _interval((ours - theirs) / theirs)
    return Difference(
        value=middle - reference,
        low=low,
        high=high,
        relative=relative(middle, reference),
        relative_low=relative_low,
        relative_high=relative_high,
    )


def relative(value: float, reference: float) -> float:
    """Distance of the value from the reference, as a share of it; NaN for a reference of 0."""
    return (value - reference) / reference if reference else float("nan")


def median_ratio_interval(
    values: Sequence[float], *, baseline: Sequence[float], seed: int
) -> tuple[float, float]:
    """The `LEVEL` bootstrap interval of median(baseline) / median(values): a speed-up."""
    random = np.random.default_rng(seed)
    ours = resampled_medians(values, random=random, resamples=QUICK_RESAMPLES)
    theirs = resampled_medians(baseline, random=random, resamples=QUICK_RESAMPLES)
    return _interval(theirs / ours)


def resampled_medians(
    values: Sequence[float], *, random: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Medians of `resamples` bootstrap samples, in time independent of the sample's size.

    A bootstrap sample's k-th least value is the ordered values' item floor(n · U), where U, the
    k-th least of n uniform numbers, has the distribution Beta(k, n + 1 - k). So only the middle
    one or two of the n numbers are drawn; the distribution is that of drawing all n.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    lower = (n + 1) // 2
    first = random.beta(lower, n - lower + 1, resamples)
    medians = ordered[_index(first, n)]
    if n % 2 == 0:  # the next one: the least of the n - lower numbers above the first
        second = first + (1 - first) * random.beta(1, n - lower, resamples)
        medians = (medians + ordered[_index(second, n)]) / 2
    return medians


def _index(uniform: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    return np.minimum((uniform * n).astype(np.intp), n - 1)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
