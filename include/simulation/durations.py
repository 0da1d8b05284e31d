"""Durations of simulated runs, drawn around the medians of run 6 with a similar spread."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass

from include.k8s_operators import Launch

# Medians of run 6 by launcher and nodes, in seconds: loop, launcher (mpirun real, flux
# submit), broker (flux start). 94 ranks per node, 4,980,736 atoms, 100 steps.
RUN_6: dict[Launch, dict[int, tuple[float, float, float | None]]] = {
    Launch.SSH: {
        8: (74.62, 84.10, None),
        16: (43.54, 52.81, None),
        32: (27.01, 36.54, None),
        64: (18.97, 30.24, None),
    },
    Launch.FLUX: {
        8: (71.45, 79.62, 81.04),
        16: (41.73, 49.44, 51.24),
        32: (26.03, 33.96, 36.06),
        64: (17.95, 26.54, 28.52),
    },
}
SPREAD = 0.01  # spread of the loop time, like run 6's interquartile ranges
OVERHEAD_SPREAD = 0.05
OUTLIER_SHARE = 0.05
OUTLIER = (1.08, 1.17)  # factors of run 6's slow runs


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Durations of one run, seconds, before any scaling of time."""

    run_time_s: float
    launcher_time_s: float
    broker_time_s: float


def draw(
    *,
    launch: Launch,
    nodes: int,
    seed: int,
    point_id: str,
    run_s: float | None = None,
    slowdown: float = 1.0,
) -> Drawn:
    """The durations of a point: the same for the same seed and point.

    `run_s` is a loop time instead of run 6's; spread and overheads stay. `slowdown` is a factor
    of the loop time.
    """
    key = hashlib.sha256(f"{seed}/{point_id}".encode()).digest()
    source = random.Random(int.from_bytes(key[:8]))  # noqa: S311  a spread, not a secret
    table = RUN_6[launch]
    loop = _median(table, nodes, 0)
    launch_s, broker_s = _overheads(table, nodes)
    drawn = (run_s or loop) * slowdown * math.exp(source.gauss(0.0, SPREAD))
    if source.random() < OUTLIER_SHARE:
        drawn *= source.uniform(*OUTLIER)
    before_launch = launch_s * math.exp(source.gauss(0.0, OVERHEAD_SPREAD))
    around = broker_s * math.exp(source.gauss(0.0, OVERHEAD_SPREAD))
    return Drawn(
        run_time_s=round(drawn, 4),
        launcher_time_s=round(drawn + before_launch, 2),
        broker_time_s=round(drawn + before_launch + around, 2),
    )


def median_run_time_s(nodes: int) -> float:
    """The centre of a drawn duration without `run_s`: run 6's median, interpolated."""
    return _median(RUN_6[Launch.SSH], nodes, 0)


def _overheads(
    table: dict[int, tuple[float, float, float | None]], nodes: int
) -> tuple[float, float]:
    """Seconds of the launcher beyond the loop, and of the broker beyond the launcher.

    Below run 6's sizes they stay as at its smallest, as the lines of loop and launcher cross there.
    """
    at = max(nodes, min(table))
    loop, launcher, broker = (_median(table, at, column) for column in range(3))
    return launcher - loop, max(0.0, broker - launcher)


def _median(table: dict[int, tuple[float, float, float | None]], nodes: int, column: int) -> float:
    """Run 6's own value, or one on the straight line through its neighbours, both axes log."""
    known = sorted((size, value) for size, row in table.items() if (value := row[column]))
    if not known:
        return 0.0
    sizes = [size for size, _ in known]
    right = min(max(1, sum(size < nodes for size in sizes)), len(known) - 1)
    (x0, y0), (x1, y1) = known[right - 1], known[right]
    share = math.log(nodes / x0) / math.log(x1 / x0)
    return float(y0 * (y1 / y0) ** share)
