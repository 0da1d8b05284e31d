"""Detection and false alarms of both tiers, by simulation on resampled run times.

A night is `repeats` run times drawn with replacement from a cell of real ones, multiplied by the
night's own factor, which its runs share. Every night is analysed as on its date, with the nights up
to it, by the functions that the nightly DAG calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from include.regression.confirmation import compare_blocks
from include.regression.findings import change_places
from include.regression.rules import DEFAULT
from include.regression.series import Night, Series
from include.regression.suspects import examine_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from include.regression.rules import Rules

SLOW_SHARE = 0.1  # share of slow synthetic run times
LATEST = 7  # examined nights after the step


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The model of a history."""

    repeats: int = 5
    night_spread: float = 0.01  # standard deviation of the logarithm of a night's factor
    nights_before: int = 30
    blocks: int = 10  # blocks of a confirmation
    rules: Rules = DEFAULT


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Shares of steps found within so many nights, for all cells and the worst one."""

    within: tuple[float, ...]  # index 0: on the first night
    worst: tuple[float, ...]
    suspect_first_night: float
    confirmed_first_night: float  # suspect, and slower in the interleaved confirmation
    steps: int


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """The number of alarms per 90 nights in a history without any change."""

    regressions: float  # confirmed by a change point
    changes: float  # including improvements
    suspects: float
    suspects_confirmed: float  # suspects that pass the confirmation and so reach a person
    histories: int


def find_steps(
    cells: Sequence[NDArray[np.float64]],
    *,
    effect: float,
    trials: int,
    seed: int,
    conditions: Conditions,
) -> Detections:
    """Nights until a step by a relative `effect` is found, `trials` times in each cell."""
    random = np.random.default_rng(seed)
    before = conditions.nights_before
    within, first = [], np.zeros(2)
    for cell in cells:
        counts = np.zeros(LATEST)
        for _ in range(trials):
            factors = _factors(random, before + LATEST, conditions)
            factors[before:] *= 1 + effect
            series = _draw(random, cell, factors, conditions)
            if (night := _first_detection(series, conditions)) is not None:
                counts[night:] += 1
            tonight, last_good = factors[before], factors[before] / (1 + effect)
            first += _first_night(
                random, cell, series.until(before + 1), (tonight, last_good), conditions
            )
        within.append(counts / trials)
    steps = trials * len(cells)
    return Detections(
        within=tuple(np.mean(within, axis=0)),
        worst=tuple(np.min(within, axis=0)),
        suspect_first_night=first[0] / steps,
        confirmed_first_night=first[1] / steps,
        steps=steps,
    )


def count_false_alarms(
    cells: Sequence[NDArray[np.float64]], *, trials: int, seed: int, conditions: Conditions
) -> FalseAlarms:
    """Alarms in 90 nights without any change, for `trials` histories in each cell."""
    random = np.random.default_rng(seed)
    totals = np.zeros(4)
    for cell in cells:
        for _ in range(trials):
            nights = conditions.nights_before + 90
            factors = _factors(random, nights, conditions)
            series = _draw(random, cell, factors, conditions)
            totals[:2] += _false_changes(series, conditions)
            totals[2:] += _false_suspects(random, cell, series, factors, conditions)
    histories = trials * len(cells)
    return FalseAlarms(**_rates(totals / histories), histories=histories)


def _rates(totals: NDArray[np.float64]) -> dict[str, float]:
    names = ("regressions", "changes", "suspects", "suspects_confirmed")
    return dict(zip(names, map(float, totals), strict=True))


def _factors(
    random: np.random.Generator, nights: int, conditions: Conditions
) -> NDArray[np.float64]:
    return np.exp(random.normal(0.0, conditions.night_spread, nights))


def _draw(
    random: np.random.Generator,
    cell: NDArray[np.float64],
    factors: NDArray[np.float64],
    conditions: Conditions,
) -> Series:
    times = random.choice(cell, (len(factors), conditions.repeats)) * factors[:, None]
    return Series(
        group="simulated",
        nights=tuple(Night(day=day, label=day) for day in range(len(factors))),
        repeats=tuple(map(tuple, times.tolist())),
    )


def _first_detection(series: Series, conditions: Conditions) -> int | None:
    """Nights after the first slow one until it is detected and dated to it; None: never."""
    at, rules = conditions.nights_before, conditions.rules
    centres = series.centres()
    for night in range(LATEST):
        known = centres[: at + night + 1]
        for place in change_places(known, rules):
            is_near = abs(place - at) <= rules.same_shift_nights
            if is_near and known[place:].mean() > known[:place].mean():
                return night
    return None


def _first_night(
    random: np.random.Generator,
    cell: NDArray[np.float64],
    until: Series,
    factors: tuple[float, float],
    conditions: Conditions,
) -> tuple[float, float]:
    """True if the first slow night is suspect, and confirmed against the image before it."""
    if examine_last(until, conditions.rules) is None:
        return 0.0, 0.0
    return 1.0, _is_confirmed(random, cell, factors, conditions.blocks)


def _false_changes(series: Series, conditions: Conditions) -> tuple[int, int]:
    """Regressions and changes of any kind that are new in one of the nights after the first."""
    rules, centres = conditions.rules, series.centres()
    known: list[int] = []
    slower = 0
    for nights in range(conditions.nights_before, len(centres) + 1):
        for place in change_places(centres[:nights], rules):
            if any(abs(place - other) <= rules.same_shift_nights for other in known):
                continue
            known.append(place)
            before = centres[max(0, place - rules.window_nights) : place]
            slower += centres[place:nights].mean() > before.mean()
    return slower, len(known)


def _false_suspects(
    random: np.random.Generator,
    cell: NDArray[np.float64],
    series: Series,
    factors: NDArray[np.float64],
    conditions: Conditions,
) -> tuple[float, float]:
    suspects = confirmed = 0.0
    for nights in range(conditions.nights_before + 1, len(factors) + 1):
        if examine_last(series.until(nights), conditions.rules) is not None:
            factor = factors[nights - 1]
            suspects += 1
            confirmed += _is_confirmed(random, cell, (factor, factor), conditions.blocks)
    return suspects, confirmed


def _is_confirmed(
    random: np.random.Generator,
    cell: NDArray[np.float64],
    factors: tuple[float, float],
    blocks: int,
) -> float:
    tonight, last_good = (factor * random.choice(cell, blocks) for factor in factors)
    return float(compare_blocks(tonight.tolist(), last_good.tolist()).is_slower)


def synthetic_cells(
    *, seed: int = 6, cells: int = 8, values: int = 20
) -> list[NDArray[np.float64]]:
    """Run times of the kind of run 6: 0.5 to 2 % spread, and one in ten 8 to 17 % slow."""
    random = np.random.default_rng(seed)
    made = []
    for spread in np.linspace(0.005, 0.02, cells):
        times = 50 * np.exp(random.normal(0.0, spread, values))
        slow = random.random(values) < SLOW_SHARE
        made.append(np.where(slow, times * random.uniform(1.08, 1.17, values), times))
    return made
