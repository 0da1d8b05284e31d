"""Where the level of a series changes: e-divisive with a t-test, in windows.

The place of a change is where the energy distance between the two sides is greatest (Matteson and
James, Journal of the American Statistical Association 109 (2014), with exponent 1). Whether there
is one is said by a t-test instead of permutations, in overlapping windows, with a first pass that
is lenient and a second that removes what does not hold against its neighbours (Fleming et al.,
*Hunter*, ICPE 2023). The input is one value per night, as the repeats of a night share its noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LENIENT = 10.0  # the first pass takes this many times the second's p
LEAST_VALUES = 3  # two leave a t-test without a degree of freedom


@dataclass(frozen=True, kw_only=True)
class Step:
    """Two sides compared: mean of the right minus mean of the left, by Student's t."""

    difference: float
    standard_error: float
    degrees_of_freedom: int

    @property
    def p_value(self) -> float:
        """Two-sided."""
        if self.standard_error == 0:
            return 0.0 if self.difference else 1.0
        t = abs(self.difference) / self.standard_error
        return float(2 * stdtr(self.degrees_of_freedom, -t))

    def interval(self, level: float) -> tuple[float, float]:
        """The difference's confidence interval."""
        half = float(stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error
        return self.difference - half, self.difference + half


def compare(left: NDArray[np.float64], right: NDArray[np.float64]) -> Step:
    """Student's test with the pooled spread; needs three values together, one on each side."""
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

    A change holds if the levels on both of its sides, each up to the next change and at most
    `window` values, differ by at least `effect` with a p-value up to `p`, and the last level has
    at least `least_after` values.
    """
    found: set[int] = set()
    for start in range(0, max(1, len(values) - window // 2), window // 2):
        part = values[start : start + window]
        found |= {start + index for index in _split(part, p=min(p * LENIENT, 0.05))}
    kept = _strong(values, sorted(found), window=window, p=p, effect=effect)
    return tuple(index for index in kept if len(values) - index >= least_after)


def sides(
    values: NDArray[np.float64], changes: Sequence[int], place: int, *, window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The levels before and after the change at `place` of the ascending `changes`."""
    at = changes[place]
    start = max(changes[place - 1] if place else 0, at - window)
    end = min(changes[place + 1] if place + 1 < len(changes) else len(values), at + window)
    return values[start:at], values[at:end]


def _split(values: NDArray[np.float64], *, p: float) -> list[int]:
    """Changes in one window: its best one if it is significant, then those in both parts."""
    if len(values) < LEAST_VALUES:
        return []
    at = _best_split(values)
    if compare(values[:at], values[at:]).p_value > p:
        return []
    return [*_split(values[:at], p=p), at, *(at + i for i in _split(values[at:], p=p))]


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
    values: NDArray[np.float64], changes: list[int], *, window: int, p: float, effect: float
) -> list[int]:
    """The changes that hold: the weakest that does not is removed until all do."""
    kept = list(changes)
    while kept:
        tests = [
            compare(*sides(values, kept, place, window=window))
            if _can_test(values, kept, place, window=window)
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
