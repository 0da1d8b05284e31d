"""Made-up histories."""

from __future__ import annotations

import numpy as np

from include.regression.series import Night, Series


def times(*, nights=40, repeats=5, seed=1, steps=(), spread=0.01):
    """Run times around 50 s, a row per night; `steps` are (night, factor)."""
    random = np.random.default_rng(seed)
    found = 50 * np.exp(random.normal(0, spread, (nights, 1)))
    found = found * np.exp(np.abs(random.normal(0, 0.01, (nights, repeats))))
    for night, factor in steps:
        found[night:] *= factor
    return found


def series(rows, group="a"):
    nights = tuple(Night(day=day, label=day) for day in range(len(rows)))
    return Series(group=group, nights=nights, repeats=tuple(tuple(row) for row in rows))


def csv_of(rows, group="a", *, header=True):
    lines = ["night,group,value"] if header else []
    for night, row in enumerate(rows):
        lines += [f"{night},{group},{value:.4f}" for value in row]
    return "\n".join(lines) + "\n"
