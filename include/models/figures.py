"""Figures of merit: an application's own measurements, with unit and direction."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from include.base_model import Model

FigureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Scalar = str | int | float | bool
TIME_UNITS = ("s", "ms", "us", "ns")


class Better(StrEnum):
    """The direction in which a figure improves."""

    LOWER = "lower"
    HIGHER = "higher"


class FigureOfMerit(Model):
    """One figure of an application; the source for tables, figures, statistics and verdicts."""

    name: FigureName  # name of its column
    unit: Text
    title: Text
    short: str = ""  # head in a narrow table; empty: the title
    meaning: str = ""
    better: Better | None = None  # None: recorded, and not compared
    primary: bool = False  # decides verdicts
    is_run_time: bool = False  # part of the launcher's time, whose rest is overhead
    scales: bool = True  # more nodes should improve it
    axis: str = ""  # x axis of a curve, such as message_bytes


def in_a_sentence(title: str) -> str:
    """The title in lower case, except for its abbreviations: `loop time`, `STREAM triad`."""
    words = title.split(" ")
    return " ".join(each if sum(map(str.isupper, each)) > 1 else each.lower() for each in words)


def gain(difference: float, better: Better | None) -> float:
    """The difference with the sign that makes an improvement positive."""
    return difference if better is Better.HIGHER else -difference


def primary_of(figures: tuple[FigureOfMerit, ...]) -> FigureOfMerit | None:
    """The figure that decides verdicts, None when none is declared."""
    return next((figure for figure in figures if figure.primary), None)
