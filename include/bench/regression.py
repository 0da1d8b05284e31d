"""How long a year of 50 groups takes to analyse: `python -m include.bench.regression`."""

from __future__ import annotations

import sys
import time

import numpy as np

from include.regression.findings import examine
from include.regression.history_csv import read_history

NIGHTS, GROUPS, REPEATS = 365, 50, 5


def history_csv(*, nights: int, groups: int, repeats: int, seed: int = 1) -> str:
    """A history as text: 1 % between nights, 1 % within, a step of 5 % in every tenth group."""
    random = np.random.default_rng(seed)
    lines = ["night,group,value"]
    for group in range(groups):
        factors = np.exp(random.normal(0.0, 0.01, nights))
        if group % 10 == 0:
            factors[nights // 2 :] *= 1.05
        for night, factor in enumerate(factors):
            times = 50 * factor * np.exp(np.abs(random.normal(0.0, 0.01, repeats)))
            lines += [f"{night},group-{group:02d},{value:.4f}" for value in times]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prints the seconds, reading the table included."""
    text = history_csv(nights=NIGHTS, groups=GROUPS, repeats=REPEATS)
    start = time.perf_counter()
    findings = examine(read_history(text, source="the benchmark"))
    took_s = time.perf_counter() - start
    sys.stdout.write(
        f"{NIGHTS} nights of {GROUPS} groups, {REPEATS} repeats: {took_s:.2f} s, "
        f"{len(findings.change_points)} changes, {len(findings.suspects)} suspects\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
