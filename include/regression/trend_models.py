"""Data of the trend page; light, because the API server loads it to answer a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AliasChoices, Field

from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Collection

FILE = "trend.json"
PAGE = "trend.html"


class Point(Model):
    """One night of a group."""

    night: str
    value: float = Field(validation_alias=AliasChoices("value", "value_s"))  # now, and release 0.1
    low: float | None = Field(validation_alias=AliasChoices("low", "low_s"))  # None: too few
    high: float | None = Field(validation_alias=AliasChoices("high", "high_s"))
    repeats: int
    study_id: str
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
    rate_unit: str = ""  # unit of a figure that should be large; empty: a time


class Group(Model):
    """The nights of one group."""

    group: str
    simulated: bool
    points: tuple[Point, ...]
    marks: tuple[Mark, ...]
    no_data: tuple[str, ...]  # nights without a run, or with a failed point


class Trend(Model):
    """All groups of a series."""

    series: str
    quantity: str = "loop_time_s"  # the records' column that is compared
    axis: str = ""  # its title and unit; empty in a file of release 0.1
    groups: tuple[Group, ...]

    def only(self, dag_ids: Collection[str]) -> Trend:
        """The nights of some DAGs, without groups that then have none."""
        groups = [
            group.model_copy(
                update={"points": tuple(p for p in group.points if p.dag_id in dag_ids)}
            )
            for group in self.groups
        ]
        return self.model_copy(update={"groups": tuple(group for group in groups if group.points)})
