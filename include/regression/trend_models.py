"""What the trend page shows; light, because the API server loads it to answer a request."""

from __future__ import annotations

from include.models import Model

FILE = "trend.json"


class Point(Model):
    """One night of a group."""

    night: str
    value_s: float
    low_s: float | None  # None: too few repeats for an interval
    high_s: float | None
    repeats: int
    dag_id: str
    run_id: str


class Mark(Model):
    """A level that began in a night."""

    night: str
    relative_effect: float
    low: float
    high: float
    reason: str | None = None
    differs: tuple[str, ...] = ()


class Group(Model):
    """The nights of one group."""

    group: str
    simulated: bool
    points: tuple[Point, ...]
    marks: tuple[Mark, ...]
    no_data: tuple[str, ...]  # nights with a failed or missing point


class Trend(Model):
    """All groups of a series."""

    series: str
    groups: tuple[Group, ...]
