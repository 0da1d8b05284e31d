"""Any program: the study gives its command, its figures of merit and what a right run prints."""

from __future__ import annotations

import math
import re
import statistics
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from include.applications import Application, Measured
from include.errors import CheckFailed, ParseError
from include.models import Better, FigureOfMerit, Model
from include.models.figures import FigureName, Scalar, Text
from include.models.study import EnvironmentName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic import JsonValue


class Take(StrEnum):
    """Which of several values of one figure counts."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    MEDIAN = "median"


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as err:
        raise ValueError(f"{pattern!r} is no regular expression: {err}") from err
    if groups != 1:
        raise ValueError(f"{pattern!r} has {groups} groups; put the number alone in parentheses")
    return pattern


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as err:
        raise ValueError(f"{pattern!r} is no regular expression: {err}") from err
    return pattern


GroupPattern = Annotated[str, AfterValidator(_one_group)]
Pattern = Annotated[str, AfterValidator(_expression)]


class Figure(Model):
    """One figure of merit: where its number stands in the output, its unit and direction."""

    name: FigureName
    pattern: GroupPattern  # with one group, around the number
    unit: Text
    better: Better | None = None  # None: recorded, and not compared
    take: Take | None = None  # None: exactly one line must match
    primary: bool = False
    title: str = ""


class Expected(Model):
    """A value that a right run has."""

    figure: FigureName
    value: float
    tolerance_percent: float = Field(gt=0)


class Options(Model):
    """`application_options` of a study with a command of its own."""

    program: Annotated[str, Field(min_length=1)]
    arguments: tuple[str, ...] = ()
    folder: Annotated[str, Field(pattern="^/")] = "/tmp"  # noqa: S108  in the container
    environment: dict[EnvironmentName, str] = Field(default_factory=dict)
    figures: Annotated[tuple[Figure, ...], Field(min_length=1)]
    must_have: tuple[Pattern, ...] = ()  # each is found in some line of a right run
    must_not_have: tuple[Pattern, ...] = ()  # none is found in any line of a right run
    expected: tuple[Expected, ...] = ()
    # What makes runs comparable; program and arguments when it is empty.
    problem: dict[str, Scalar] = Field(default_factory=dict)
    version: GroupPattern | None = None  # of the program, from its output
    first_line: str = ""  # how the application's first line begins; empty: the log's first one
    last_line: str = ""

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


class Command(Application[Options]):
    """The study's own program; nothing can be said of it without its options."""

    name = "command"
    title = "Command"
    options = Options
    work_dir = "/"
    first_line = ""
    last_line = ""
    figures: tuple[FigureOfMerit, ...] = ()
    example: Mapping[str, JsonValue] = MappingProxyType(
        {
            "program": "bash",
            "arguments": ["-c", "for i in 1 2 3; do echo rate $((i * 10)); done"],
            "figures": [
                {
                    "name": "rate_per_s",
                    "pattern": "^rate ([0-9]+)$",
                    "unit": "1/s",
                    "better": "higher",
                    "take": "median",
                    "primary": True,
                }
            ],
        }
    )
    packages = ()  # what every Debian has, or what the user's image has

    def configured(self, options: Options) -> Application:
        """The application that the options describe."""
        return Configured(options)

    def command(self, options: Options) -> tuple[str, ...]:
        """Program and arguments, behind `env` where the study sets variables for it alone."""
        values = [f"{name}={value}" for name, value in options.environment.items()]
        environment = ("env", *values) if values else ()
        return (*environment, options.program, *options.arguments)

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """As the study says, or the command itself."""
        return options.problem or {"command": " ".join((options.program, *options.arguments))}

    def parse(self, lines: Iterable[str]) -> Measured:  # noqa: ARG002
        """Only a configured command can read an output."""
        raise ParseError("a command without the options of its study has no figures to read")

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Expected values; the lines that must or must not be there are seen to by `parse`."""
        del ranks  # the output need not tell them
        for each in options.expected:
            value = result.figures[each.figure]
            if abs(value - each.value) > abs(each.value) * each.tolerance_percent / 100:
                raise CheckFailed(
                    f"{each.figure} is {value}, expected is {each.value} within "
                    f"{each.tolerance_percent:g} %"
                )


class Configured(Command):
    """A command with the options of its study."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.title = options.program.rsplit("/", 1)[-1]
        self.work_dir = options.folder
        self.first_line = options.first_line
        self.last_line = options.last_line
        ordered = sorted(options.figures, key=lambda figure: not figure.primary)
        self.figures = tuple(
            FigureOfMerit(
                name=figure.name,
                unit=figure.unit,
                title=figure.title or figure.name.replace("_", " ").capitalize(),
                better=figure.better,
                primary=figure.primary,
            )
            for figure in ordered
        )

    def parse(self, lines: Iterable[str]) -> Measured:
        """The figures; ParseError naming the pattern that matched no line, or too many."""
        output = [line.rstrip("\r\n") for line in lines]
        self._require(output)
        version = self._options.version
        return Measured(
            figures={figure.name: _value(figure, output) for figure in self._options.figures},
            problem=self.problem(self._options),
            version=_matches(version, output)[-1] if version else None,
        )

    def _require(self, output: Sequence[str]) -> None:
        for pattern in self._options.must_have:
            if not any(re.search(pattern, line) for line in output):
                raise CheckFailed(f"no line has {pattern!r}, which a right run must have")
        for pattern in self._options.must_not_have:
            if wrong := next((line for line in output if re.search(pattern, line)), None):
                raise CheckFailed(f"a line has {pattern!r}, which it must not: {wrong[:200]!r}")


def _matches(pattern: str, output: Sequence[str]) -> list[str]:
    """The group of each match; ParseError when there is none."""
    compiled = re.compile(pattern)
    texts = [match[1] for line in output for match in compiled.finditer(line)]
    if not texts or any(text is None for text in texts):
        raise ParseError(f"no line matches {pattern!r}: the output is not whole, or not as thought")
    return texts


def _value(figure: Figure, output: Sequence[str]) -> float:
    texts = _matches(figure.pattern, output)
    values = [_number(figure, text) for text in texts]
    if figure.take is None:
        if len(values) > 1:
            raise ParseError(
                f"{figure.name}: {figure.pattern!r} matches {len(values)} times and should once; "
                "give `take` where several are meant"
            )
        return values[0]
    return _TAKEN[figure.take](values)


_TAKEN: dict[Take, Callable[[Sequence[float]], float]] = {
    Take.LAST: lambda values: values[-1],
    Take.FIRST: lambda values: values[0],
    Take.MIN: min,
    Take.MAX: max,
    Take.SUM: math.fsum,
    Take.MEDIAN: statistics.median,
}


def _number(figure: Figure, text: str) -> float:
    try:
        value = float(text)
    except ValueError as err:
        raise ParseError(f"{figure.name}: {text!r} is no number, by {figure.pattern!r}") from err
    if not math.isfinite(value):
        raise ParseError(f"{figure.name}: {text!r} is not finite, by {figure.pattern!r}")
    return value


ADAPTER = Command()
