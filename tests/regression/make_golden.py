"""Writes `tests/golden/change_points.json`: what apache-otava finds in made-up series.

`make golden-change-points` runs it in an environment of its own, as apache-otava pins an old numpy
and so is not among the project's packages. To be run again only when the cases below change.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

WINDOW, P, EFFECT = 50, 0.001, 0.01
# Length, and where the level changes by which factor.
SHAPES = (
    (40, {}),
    (90, {}),
    (40, {30: 1.05}),
    (40, {37: 1.05}),
    (60, {30: 1.03}),
    (60, {40: 0.95}),
    (90, {30: 1.05, 60: 1.05}),
    (90, {30: 1.06, 55: 0.94}),
    (120, {100: 1.04}),
    (200, {60: 1.04, 150: 0.95}),
)
SEEDS = (1, 2, 3)


def make_series(length: int, steps: dict[int, float], seed: int) -> list[float]:
    """Night medians around 50 s that differ by 1 %."""
    random = np.random.default_rng(seed)
    levels = np.full(length, 50.0)
    for at, factor in steps.items():
        levels[at:] *= factor
    return [round(float(value), 3) for value in levels * np.exp(random.normal(0, 0.01, length))]


def main() -> None:
    """Run apache-otava on every series."""
    from otava.analysis import compute_change_points

    cases = []
    for length, steps in SHAPES:
        for seed in SEEDS:
            series = make_series(length, steps, seed)
            found, _ = compute_change_points(
                series, window_len=WINDOW, max_pvalue=P, min_magnitude=EFFECT
            )
            cases.append(
                {
                    "steps": sorted(steps),
                    "series": series,
                    "found": sorted(int(change.index) for change in found),
                }
            )
    golden = {
        "made_by": f"apache-otava {version('apache-otava')}",
        "window": WINDOW,
        "p": P,
        "effect": EFFECT,
        "cases": cases,
    }
    Path(sys.argv[1]).write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
