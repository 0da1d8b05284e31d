"""Measurements of each night, by group."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


UNKNOWN_UNIT = "of a rate"  # stands for an unknown unit of a rate


class HistoryError(BenchmarkError):
    """A history that cannot be analysed as it is; the message says why, where, and what to do."""


@dataclass(frozen=True, kw_only=True, order=True)
class Night:
    """One night; consecutive nights have consecutive days."""

    day: int
    label: int | str  # label as in the history

    @classmethod
    def read(cls, text: str) -> Night:
        """Read a whole number or an ISO date, ignoring a time of day after it; ValueError.

        Eight digits that form a date (`20260131`, as `date +%Y%m%d` prints) are a date.
        """
        if text.lstrip("-").isdigit() and text.isascii() and _compact(text) is None:
            return cls(day=int(text), label=int(text))
        day = datetime.fromisoformat(text).date()
        return cls(day=day.toordinal(), label=day.isoformat())

    @property
    def is_dated(self) -> bool:
        """True for a date, False for a number."""
        return isinstance(self.label, str)

    def at(self, day: int) -> Night:
        """The night of another day, labelled in the same way."""
        return Night(day=day, label=date.fromordinal(day).isoformat() if self.is_dated else day)


def _compact(text: str) -> date | None:
    """The date in eight digits, None for any other whole number."""
    if len(text) != len("20260131"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def time_of_day_s(text: str) -> int | None:
    """Seconds since midnight of an ISO date with a time, None for a date alone or a number."""
    if not any(separator in text for separator in ("T", " ", ":")):
        return None
    moment = datetime.fromisoformat(text)
    return moment.hour * 3600 + moment.minute * 60 + moment.second


@dataclass(frozen=True, kw_only=True)
class Series:
    """The repeats of one group's nights that have any, in order of the nights.

    Values are times, or for a rate the time per unit of work: larger is slower. All are
    positive, in one unit.
    """

    group: str
    nights: tuple[Night, ...]
    repeats: tuple[tuple[float, ...], ...]
    rate_unit: str = ""  # unit of a figure that should be large; empty: a time

    @property
    def is_rate(self) -> bool:
        """True if more is better."""
        return bool(self.rate_unit)

    def until(self, count: int) -> Series:
        """Series of its first nights."""
        return replace(self, nights=self.nights[:count], repeats=self.repeats[:count])

    def with_baseline(self, pinned: Night) -> Series:
        """Series of its nights up to a pinned one, and its last."""
        kept = [place for place, night in enumerate(self.nights) if night <= pinned]
        kept.append(len(self.nights) - 1)
        return replace(
            self,
            nights=tuple(self.nights[place] for place in kept),
            repeats=tuple(self.repeats[place] for place in kept),
        )

    def centres(self) -> NDArray[np.float64]:
        """The `centre` of each night; differences of these are relative effects."""
        return np.array([centre(values) for values in self.repeats])


@dataclass(frozen=True, kw_only=True)
class NoData:
    """Consecutive nights in which a group has no value: neither good nor bad."""

    group: str
    first: Night
    last: Night

    @property
    def nights(self) -> int:
        """The number of repeats."""
        return self.last.day - self.first.day + 1


@dataclass(frozen=True, kw_only=True)
class History:
    """The series of all groups, sorted by group, and notes about them."""

    series: tuple[Series, ...]
    no_data: tuple[NoData, ...]

    @property
    def tonight(self) -> Night:
        """The last night of any group."""
        return max(series.nights[-1] for series in self.series)


def effect_of(difference: float, *, is_rate: bool) -> float:
    """A difference of centres as the share by which the level became worse.

    Positive is slower: 0.05 is a time that is 5 % longer, or a rate that is 5 % lower.
    """
    return -math.expm1(-difference) if is_rate else math.expm1(difference)


def make_history(series: Iterable[Series]) -> History:
    """The history, with the nights in which a group has no data; there must be a series."""
    ordered = tuple(sorted(series, key=lambda each: each.group))
    tonight = max(each.nights[-1] for each in ordered)
    gaps = tuple(gap for each in ordered for gap in _gaps(each, tonight=tonight))
    return History(series=ordered, no_data=gaps)


def centre(values: Sequence[float]) -> float:
    """The logarithm of the mean of the faster half, including the middle one of an odd number.

    Run times only vary upwards: in run 6 up to 17 % above the median and 4 % below it. For five
    repeats the faster half scatters half as much as the median, and so shows a change of all
    runs in half the nights. It does not show a change of less than half of the runs.
    """
    return float(centres_of(np.asarray(values, dtype=np.float64)))


def centres_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `centre` of each row."""
    count = values.shape[-1]
    halves: NDArray[np.float64] = np.sort(values, axis=-1)[..., : (count + 1) // 2].mean(axis=-1)
    return np.log(halves)


def _gaps(series: Series, *, tonight: Night) -> Iterable[NoData]:
    """Gaps between its nights, and after its last one until tonight."""
    known = series.nights
    following = (*(night.day for night in known[1:]), tonight.day + 1)
    for night, next_day in zip(known, following, strict=True):
        if next_day > night.day + 1:
            yield NoData(
                group=series.group, first=night.at(night.day + 1), last=night.at(next_day - 1)
            )
