"""The time to analyse a year of 50 groups for regressions."""

from __future__ import annotations

import time

import numpy as np

NIGHTS, GROUPS, REPEATS = 365, 50, 5


def rows() -> list[tuple[str, str, str]]:
    """Seconds for the change points and suspects of such a history, including reading it."""
    from include.regression.findings import examine  # noqa: PLC0415  scipy takes a second to load
    from include.regression.history_csv import read_history  # noqa: PLC0415

    text = history_csv(nights=NIGHTS, groups=GROUPS, repeats=REPEATS)
    started = time.monotonic()
    findings = examine(read_history(text, source="the benchmark"))
    took_s = time.monotonic() - started
    what = f"{NIGHTS} nights of {GROUPS} groups analysed, {REPEATS} repeats a night"
    return [(what, f"{took_s:.2f} s, {len(findings.change_points)} changes found", "< 10 s")]


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
