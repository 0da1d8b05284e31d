"""Figures of benchmarks with messages of growing size between ranks: latency, bandwidth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import CheckFailed
from include.models import Better, FigureOfMerit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.applications import Measured

AXIS = "message_bytes"
START_US = 1.5  # latency of an empty message in a synthetic output
BYTES_PER_US = 1000.0  # rate of a long message there
USUAL_RUN_S = 6.0  # length of a synthetic run with these values


def latency(meaning: str, *, primary: bool) -> tuple[FigureOfMerit, FigureOfMerit]:
    """The latency in microseconds, and its curve over the message size."""
    figure = FigureOfMerit(
        name="latency_us",
        unit="us",
        title="Latency",
        meaning=meaning,
        better=Better.LOWER,
        primary=primary,
        scales=False,
    )
    return figure, _curve(figure, name="latency_by_size_us")


def bandwidth(unit: str, meaning: str, *, primary: bool) -> tuple[FigureOfMerit, FigureOfMerit]:
    """The bandwidth in `Mbit/s` or `MB/s`, and its curve over the message size."""
    suffix = unit.lower().replace("/", "_per_")
    figure = FigureOfMerit(
        name=f"bandwidth_{suffix}",
        unit=unit,
        title="Bandwidth",
        meaning=meaning,
        better=Better.HIGHER,
        primary=primary,
        scales=False,
    )
    return figure, _curve(figure, name=f"bandwidth_by_size_{suffix}")


def check_sizes(result: Measured, *, most_bytes: int) -> None:
    """CheckFailed unless the messages reach the end of the range and all values are positive."""
    largest = int(result.problem["most_bytes"])
    if not most_bytes / 2 < largest <= most_bytes:
        raise CheckFailed(f"ended at messages of {largest} of {most_bytes} bytes")
    if any(value <= 0 for curve in result.curves.values() for value in curve.values()):
        raise CheckFailed("a latency or bandwidth is 0: too few repeats for this clock")


def synthetic_latencies(
    *, least_bytes: int, most_bytes: int, run_time_s: float
) -> Iterator[tuple[int, float]]:
    """Message sizes, doubling each time, and the microseconds of each in a synthetic run."""
    size = least_bytes
    while size <= most_bytes:
        yield size, (START_US + size / BYTES_PER_US) * run_time_s / USUAL_RUN_S
        size *= 2


def _curve(figure: FigureOfMerit, *, name: str) -> FigureOfMerit:
    return figure.model_copy(update={"name": name, "axis": AXIS, "meaning": "", "primary": False})
