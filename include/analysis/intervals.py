"""Distribution-free intervals of a median."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
_INVERSE_OF_A_TAIL = round(2 / (1 - LEVEL))  # whole, so that counts can be compared exactly
LEAST_N = 6  # below it, even (minimum, maximum) covers the median with less than 95 %


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Two order statistics that enclose the median with at least `LEVEL` confidence."""

    low: float
    high: float


def median_interval(values: Sequence[float]) -> Interval | None:
    """The order-statistic interval of the values' median; None below `LEAST_N` values.

    Assumes no distribution, only independent values. Source: Hoefler and Belli, SC15, section 3.1.3
    (Le Boudec, Performance Evaluation, theorem 2.1).
    """
    rank = enclosing_rank(len(values))
    if rank is None:
        return None
    ordered = sorted(values)
    return Interval(low=ordered[rank - 1], high=ordered[-rank])


@lru_cache(maxsize=1024)
def enclosing_rank(n: int) -> int | None:
    """The greatest k for which the k-th least and k-th greatest of n values suffice."""
    if n < LEAST_N:
        return None
    # Of the 2^n equally likely positions of values about the median, this many are too extreme.
    term, below, rank = 1, 1, 0
    while below * _INVERSE_OF_A_TAIL <= 2**n:
        rank += 1
        term = term * (n - rank + 1) // rank
        below += term
    return rank
