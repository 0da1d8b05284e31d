"""The trend page: each group's nights as an SVG chart, without a script and without pandas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from include.analysis.quantities import HOUSE
from include.regression.series import Night
from include.regression.text import effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.regression.trend_models import Group, Mark, Point, Trend

    Link = Callable[[Point], str]

WIDTH, HEIGHT = 1000, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 36
PADDING = 0.08  # share of the range added above and below
MOST_TICKS = 6
MOST_DATES = 8
SIMULATED = "SIMULATED: nothing was measured"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The coordinates of one group's chart, in the units of its SVG."""

    group: Group
    link: Link

    @property
    def days(self) -> tuple[int, int]:
        """The first and the last day."""
        numbers = [_day(point.night) for point in self.group.points]
        numbers += [_day(night) for night in self.group.no_data]
        return min(numbers), max(numbers)

    @property
    def range_s(self) -> tuple[float, float]:
        """The least and the greatest value of the axis."""
        points = self.group.points
        low = min(value for p in points for value in (p.value, p.low) if value is not None)
        high = max(value for p in points for value in (p.value, p.high) if value is not None)
        room = PADDING * (high - low or high)
        return low - room, high + room

    def x(self, night: str) -> float:
        """Horizontal position of a night."""
        first, last = self.days
        share = (_day(night) - first) / max(last - first, 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Vertical position of a value."""
        low, high = self.range_s
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Positions and texts of the value axis, at round numbers."""
        low, high = self.range_s
        step = _round_step((high - low) / MOST_TICKS)
        decimals = max(0, -math.floor(math.log10(step)))
        numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
        return [(self.y(number * step), f"{number * step:.{decimals}f}") for number in numbers]

    @property
    def dates(self) -> list[tuple[float, str]]:
        """Positions and texts of the axis of nights."""
        nights = [point.night for point in self.group.points]
        step = max(1, -(-len(nights) // MOST_DATES))
        return [(self.x(night), night) for night in nights[::step]]

    @property
    def levels(self) -> Iterator[tuple[float, float, float]]:
        """Start, end and height of each level: the median of its nights."""
        starts = [_day(mark.night) for mark in self.group.marks]
        parts: dict[int, list[Point]] = {}
        for point in self.group.points:
            part = sum(start <= _day(point.night) for start in starts)
            parts.setdefault(part, []).append(point)
        for points in parts.values():
            height = self.y(median(point.value for point in points))
            yield self.x(points[0].night), self.x(points[-1].night), height


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def render(trend: Trend | None, *, title: str, link: Link, notes: tuple[str, ...] = ()) -> str:
    """The page; `link` gives the address of the run behind a night, empty for none."""
    charts = [Chart(group=group, link=link) for group in (trend.groups if trend else ())]
    return (
        _environment()
        .get_template("trend.html.j2")
        .render(
            title=title,
            charts=charts,
            notes=notes,
            unit=_axis(trend).rpartition("[")[2].rstrip("]"),
            axis=_axis(trend),
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            right=WIDTH - RIGHT,
            top=TOP,
            bottom=HEIGHT - BOTTOM,
            simulated=SIMULATED,
            words=effect,
            kind=kind_of,
        )
    )


def _axis(trend: Trend | None) -> str:
    """Title and unit of the vertical axis."""
    if trend is None:
        return ""
    former = {each.name: each.axis.lower() for each in HOUSE}
    return trend.axis or former.get(trend.quantity, "loop time [s]")


def link_in_airflow(point: Point) -> str:
    """Link to the report of a night's run, for the trend page in Airflow."""
    return f"../report/{quote(point.dag_id, safe='')}/{quote(point.run_id, safe='')}?listed=true"


def link_in_results(point: Point) -> str:
    """Link to the report of a night's study, for `regression/<series>/trend.html`."""
    return f"../../{quote(point.study_id, safe='')}/report.html"


def kind_of(mark: Mark) -> str:
    """A level in a word: regression, improvement, or known with the given reason."""
    if mark.relative_effect < 0:
        return "improvement"
    return "regression" if mark.reason is None else "known"


def _day(night: str) -> int:
    return Night.read(night).day


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("include.regression", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
