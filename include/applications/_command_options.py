"""A study's description of its own program."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from include.applications._command_output import Take, figures_of, version_of
from include.errors import BenchmarkError
from include.models import Better, Model, Record
from include.models.arm_options import EnvironmentName
from include.models.figures import FigureName, Scalar, Text


def _one_group(pattern: str) -> str:
    groups = re.compile(_expression(pattern)).groups
    if groups != 1:
        raise ValueError(f"{pattern!r} has {groups} groups; put the number alone in parentheses")
    return pattern


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as err:
        raise ValueError(f"{pattern!r} is no regular expression: {err}") from err
    return pattern


def _no_column(name: str) -> str:
    if name in Record.model_fields:
        raise ValueError(f"{name!r} is a column of every record; choose another name")
    return name


GroupPattern = Annotated[str, AfterValidator(_one_group)]
Pattern = Annotated[str, AfterValidator(_expression)]
OwnName = Annotated[FigureName, AfterValidator(_no_column)]


class Figure(Model):
    """One figure of merit: where its number is in the output, its unit and direction."""

    name: OwnName
    pattern: GroupPattern  # one group, around the number
    unit: Text
    better: Better | None = None  # None: recorded, and not compared
    take: Take | None = None  # None: exactly one line must match
    primary: bool = False
    title: str = ""


class Expected(Model):
    """A value that a correct run has."""

    figure: FigureName
    value: float
    tolerance_percent: float = Field(gt=0)


class Options(Model):
    """`application_options` of a study with its own command."""

    program: Annotated[str, Field(min_length=1)]
    arguments: tuple[str, ...] = ()
    folder: Annotated[str, Field(pattern="^/")] = "/tmp"  # noqa: S108  in the container
    environment: dict[EnvironmentName, str] = Field(default_factory=dict)
    figures: Annotated[tuple[Figure, ...], Field(min_length=1)]
    must_have: tuple[Pattern, ...] = ()  # each occurs in some line of a correct run
    must_not_have: tuple[Pattern, ...] = ()  # none occurs in any line of a correct run
    expected: tuple[Expected, ...] = ()
    # Values that make runs comparable; empty: program and arguments.
    problem: dict[str, Scalar] = Field(default_factory=dict)
    version: GroupPattern | None = None  # program's version in its output
    first_line: str = ""  # beginning of the application's first line; empty: one is added
    last_line: str = ""
    sample: tuple[str, ...] = ()  # lines of a correct run, which simulated nodes play

    @model_validator(mode="after")
    def _figures_are_told_apart(self) -> Self:
        names = [figure.name for figure in self.figures]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"figures: {twice[0]!r} is given twice")
        primary = [figure for figure in self.figures if figure.primary]
        if len(primary) != 1:
            raise ValueError(f"figures: {len(primary)} are primary; verdicts are by exactly one")
        if primary[0].better is None:
            raise ValueError(f"figures: {primary[0].name} is primary, so give `better`")
        for expected in self.expected:
            if expected.figure not in names:
                raise ValueError(f"expected: {expected.figure!r} is none of {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _sample_is_right(self) -> Self:
        if self.sample:
            try:
                figures_of(self, self.sample)
                version_of(self, self.sample)
            except BenchmarkError as err:
                raise ValueError(f"sample: {err}") from err
        return self

    @property
    def primary(self) -> Figure:
        """The figure that decides verdicts."""
        return next(figure for figure in self.figures if figure.primary)
