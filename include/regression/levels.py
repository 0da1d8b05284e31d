"""Changes of a series' level: e-divisive with a t-test, in windows.

A change is located where the energy distance between the two sides is greatest (Matteson and James,
Journal of the American Statistical Association 109 (2014), with exponent 1). Its existence is
decided by a t-test instead of permutations, in overlapping windows, with a lenient first pass and a
second that removes what does not hold against its neighbours (Fleming et al., *Hunter*, ICPE 2023).
The input is one value per night, as the repeats of a night share its noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LENIENT = 10.0  # the first pass takes this many times the second's p
LEAST_VALUES = 3  # two leave a t-test without degrees of freedom
TRIMMED_P = 0.05  # p of a level without its most extreme value: one odd night is no level
FEW = 5  # size of a level that one odd value may create


@dataclass(frozen=True, kw_only=True)
class Step:
    """Two sides compared: mean of the right minus mean of the left, by Student's t."""

    difference: float
    standard_error: float
    degrees_of_freedom: int

    @property
    def p_value(self) -> float:
        """Two-sided p-value."""
        if self.standard_error == 0:
            return 0.0 if self.difference else 1.0
        t = abs(self.difference) / self.standard_error
        return float(2 * stdtr(self.degrees_of_freedom, -t))

    def interval(self, level: float) -> tuple[float, float]:
        """The difference's confidence interval."""
        half = float(stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error
        return self.difference - half, self.difference + half


def compare(left: NDArray[np.float64], right: NDArray[np.float64]) -> Step:
    """Student's test with the pooled spread; needs three values in total, one on each side."""
    n, m = len(left), len(right)
    squares = ((left - left.mean()) ** 2).sum() + ((right - right.mean()) ** 2).sum()
    freedom = n + m - 2
    return Step(
        difference=float(right.mean() - left.mean()),
        standard_error=float(np.sqrt(squares / freedom * (1 / n + 1 / m))),
        degrees_of_freedom=freedom,
    )


def find_changes(
    values: NDArray[np.float64], *, window: int, p: float, effect: float, least_after: int = 1
) -> tuple[int, ...]:
    """Indexes of the first value of each new level, ascending.

    A change holds if the levels on both sides, each up to the next change and at most `window`
    values, differ by at least `effect` with a p-value up to `p`, and each level has at least
    `least_after` values, before as well as after the change.
    """
    places: set[int] = set()
    for start in range(0, max(1, len(values) - window // 2), window // 2):
        part = values[start : start + window]
        places |= {start + index for index in _split(part, p=min(p * LENIENT, 0.05), strict=p)}
    kept = _strong(values, sorted(places), window=window, p=p, effect=effect, least=least_after)
    return tuple(index for index in kept if len(values) - index >= least_after)


def sides(
    values: NDArray[np.float64], changes: Sequence[int], place: int, *, window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The levels before and after the change at `place` of the ascending `changes`."""
    at = changes[place]
    start = max(changes[place - 1] if place else 0, at - window)
    end = min(changes[place + 1] if place + 1 < len(changes) else len(values), at + window)
    return values[start:at], values[at:end]


def _split(values: NDArray[np.float64], *, p: float, strict: float) -> list[int]:
    """Changes in one window: its best one if it is significant, then those in both parts.

    If no single change is, as when a level returned to the previous one: the two ends of the
    stretch that stands out, if there is one.
    """
    if len(values) < LEAST_VALUES:
        return []
    at = _best_split(values)
    is_one = compare(values[:at], values[at:]).p_value <= p
    ends = (at,) if is_one else _stretch(values, p=strict)
    if not ends:
        return []
    parts = pairwise((0, *ends, len(values)))
    inner = [
        start + i for start, end in parts for i in _split(values[start:end], p=p, strict=strict)
    ]
    return sorted((*ends, *inner))


def _stretch(values: NDArray[np.float64], *, p: float) -> tuple[int, ...]:
    """Stretch whose values differ most from all others; empty if that is chance.

    As in circular binary segmentation (Olshen et al., Biostatistics 5 (2004)); the p-value is
    corrected for the number of stretches.
    """
    n = len(values)
    if n < 2 * LEAST_VALUES:
        return ()
    begin, end = _best_stretch(values)
    inside, outside = values[begin:end], np.concatenate([values[:begin], values[end:]])
    if compare(outside, inside).p_value > p / (n * (n - 1) / 2):
        return ()
    return (begin, end) if _is_of_several(inside, outside) else ()


def _is_of_several(few: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """True if the few values differ from the others even without the most different one."""
    if not 1 < len(few) <= FEW or len(others) < LEAST_VALUES:
        return True
    most = np.argmax(np.abs(few - np.median(others)))
    trimmed = compare(others, np.delete(few, most))
    is_alike = trimmed.difference * (few.mean() - others.mean()) > 0
    return bool(is_alike and trimmed.p_value <= TRIMMED_P)


def _best_stretch(values: NDArray[np.float64]) -> tuple[int, int]:
    """The stretch of two or more values, within the others, whose mean differs most by t."""
    n = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    inner = sums[None, :] - sums[:, None]
    size = np.arange(n + 1)[None, :] - np.arange(n + 1)[:, None]
    is_inside = (size >= 2) & (size <= n - 2)  # noqa: PLR2004 one value is no level
    is_inside[0, :] = is_inside[:, n] = False
    count = np.where(is_inside, size, 1)
    difference = inner / count - (sums[n] - inner) / np.maximum(n - count, 1)
    score = np.where(is_inside, count * (n - count) * difference**2, -1.0)
    begin, end = np.unravel_index(np.argmax(score), score.shape)
    return int(begin), int(end)


def _best_split(values: NDArray[np.float64]) -> int:
    """The index that divides the values into the two parts with the greatest energy distance."""
    n = len(values)
    distances = np.abs(values[:, None] - values[None, :])
    sums = distances.cumsum(axis=0).cumsum(axis=1)
    at = np.arange(1, n)
    within_left = sums[at - 1, at - 1]
    across = sums[at - 1, n - 1] - within_left
    within_right = sums[n - 1, n - 1] - within_left - 2 * across
    left, right = at.astype(np.float64), (n - at).astype(np.float64)
    energy = 2 * across / (left * right) - within_left / left**2 - within_right / right**2
    return int(at[np.argmax(left * right / n * energy)])


def _strong(
    values: NDArray[np.float64],
    changes: list[int],
    *,
    window: int,
    p: float,
    effect: float,
    least: int,
) -> list[int]:
    """The changes that hold: the weakest that does not is removed until all do."""
    kept = list(changes)
    while kept:
        tests = [
            compare(*sides(values, kept, place, window=window))
            if _can_test(values, kept, place, window=window)
            and _are_levels(values, kept, place, window=window, least=least)
            else None
            for place in range(len(kept))
        ]
        weak = [
            (1.0 if test is None else test.p_value, -abs(test.difference) if test else 0.0, place)
            for place, test in enumerate(tests)
            if test is None or test.p_value > p or abs(np.expm1(test.difference)) < effect
        ]
        if not weak:
            break
        del kept[max(weak)[2]]
    return kept


def _can_test(
    values: NDArray[np.float64], changes: Sequence[int], place: int, *, window: int
) -> bool:
    left, right = sides(values, changes, place, window=window)
    return len(left) + len(right) >= LEAST_VALUES


def _are_levels(
    values: NDArray[np.float64], changes: Sequence[int], place: int, *, window: int, least: int
) -> bool:
    """True if both sides of a change have enough values, and no single value makes the change.

    The last level may still grow. With a minimum of one value, a level may be one night.
    """
    before = changes[place] - (changes[place - 1] if place else 0)
    after = changes[place + 1] - changes[place] if place + 1 < len(changes) else least
    if min(before, after) < least:
        return False
    left, right = sides(values, changes, place, window=window)
    return least == 1 or (_is_of_several(left, right) and _is_of_several(right, left))
