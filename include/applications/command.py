"""Any program: the study gives its command, its figures of merit and its correct output."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from include.applications import Application, Measured, SyntheticLine
from include.applications._command_options import Options
from include.applications._command_output import figures_of, version_of
from include.applications._shell import on_each_rank
from include.errors import CheckFailed, ParseError
from include.models import Better, FigureOfMerit
from include.parsers.line_prefixes import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from include.applications._command_options import Figure
    from include.models.figures import Scalar

FIRST_LINE, LAST_LINE = "command begins", "command ends"
SCRIPT = f"""\
if [ "$rank" = 0 ]; then echo "{FIRST_LINE}"; fi
"$@"
if [ "$rank" = 0 ]; then echo "{LAST_LINE}"; fi
"""
USUAL_RUN_S = 60.0  # length of a synthetic run with the sample's own figure


class Command(Application[Options]):
    """The study's own program; without its options nothing is known of it."""

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
            "arguments": ["-c", "for i in 1 2 3; do echo rate $((i * 10)).3; done"],
            "figures": [
                {
                    "name": "rate_per_s",
                    "pattern": "^rate ([0-9.]+)$",
                    "unit": "1/s",
                    "better": "higher",
                    "take": "median",
                    "primary": True,
                }
            ],
            "sample": ["rate 10.3", "rate 20.3", "rate 30.3"],
        }
    )
    packages = ()  # included in every Debian, or in the user's image
    simulation_remedy = "give `application_options.sample`, the lines of a right run"

    @property
    def can_be_simulated(self) -> bool:
        """False without the study's sample."""
        return False

    def configured(self, options: Options) -> Application:
        """The application described by the options."""
        return Configured(options)

    def program(self, options: Options) -> str:
        """The program named by the study."""
        return options.program

    def command(self, options: Options) -> tuple[str, ...]:
        """Program and arguments, after `env` where the study sets variables for it alone.

        If the study does not describe the first or last line, rank 0 prints one.
        """
        values = [f"{name}={value}" for name, value in options.environment.items()]
        environment = ("env", *values) if values else ()
        words = (*environment, options.program, *options.arguments)
        return words if options.first_line and options.last_line else on_each_rank(SCRIPT, *words)

    def problem(self, options: Options) -> Mapping[str, Scalar]:
        """Problem as described by the study, or the command itself."""
        return options.problem or {"command": " ".join((options.program, *options.arguments))}

    def parse(self, lines: Iterable[str]) -> Measured:  # noqa: ARG002
        """Refuse: only a configured command can read an output."""
        raise ParseError("a command without the options of its study has no figures to read")

    def check(self, result: Measured, *, options: Options, ranks: int) -> None:
        """Check the expected values; `parse` checks required and forbidden lines."""
        if result.ranks not in {None, ranks}:
            raise CheckFailed(f"ran with {result.ranks} ranks instead of {ranks}")
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
        self.first_line = options.first_line or FIRST_LINE
        self.last_line = options.last_line or LAST_LINE
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

    @property
    def can_be_simulated(self) -> bool:
        """True with the sample of a correct run."""
        return bool(self._options.sample)

    def parse(self, lines: Iterable[str]) -> Measured:
        """The figures; ParseError naming the pattern with no match, or too many.

        Also when the first or last line is missing, as in a truncated output.
        """
        output = list(plain(lines, begin=self.first_line))
        for beginning in (self.first_line, self.last_line):
            if not any(line.startswith(beginning) for line in output):
                raise ParseError(f"no line begins with {beginning!r}: the output is not whole")
        return Measured(
            figures=figures_of(self._options, output),
            problem=self.problem(self._options),
            version=version_of(self._options, output),
        )

    def synthetic_output(
        self, options: Options, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """The sample stretched over the run time, which the primary figure follows."""
        del ranks
        factor = run_time_s / USUAL_RUN_S
        if options.primary.better is Better.HIGHER:
            factor = 1 / factor
        is_fixed = options.primary.name in {each.figure for each in options.expected}
        texts = [
            line if is_fixed else _scaled(options.primary, line, factor) for line in options.sample
        ]
        framed = (
            *(() if options.first_line else (FIRST_LINE,)),
            *texts,
            *(() if options.last_line else (LAST_LINE,)),
        )
        last = max(len(framed) - 1, 1)
        return tuple(
            SyntheticLine(at_s=run_time_s * place / last, text=text)
            for place, text in enumerate(framed)
        )


def _scaled(figure: Figure, line: str, factor: float) -> str:
    """The line with the figure's number multiplied by the factor, as far as its pattern allows."""
    match = re.search(figure.pattern, line)
    if match is None:
        return line
    for form in (".6g", ".0f"):
        number = format(float(match[1]) * factor, form)
        changed = f"{line[: match.start(1)]}{number}{line[match.end(1) :]}"
        again = re.search(figure.pattern, changed)
        if again is not None and again[1] == number and float(number):
            return changed
    return line


ADAPTER = Command()
