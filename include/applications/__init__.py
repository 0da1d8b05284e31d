"""Applications: what to run, how to read its log, and when its result is right."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from include.models import FigureOfMerit, Model, MpiImplementation, Study
    from include.models.figures import Scalar


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurements that one run of an application reports."""

    figures: Mapping[str, float]  # values by name in declared units, the primary one among them
    problem: Mapping[str, Scalar] = field(default_factory=dict)  # what makes runs comparable
    ranks: int | None = None  # None: the program does not print it
    version: str | None = None  # the program's version
    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SyntheticLine:
    """One line of an output that nobody computed, and when it comes, in seconds from the first."""

    at_s: float
    text: str


class Application(adapters.Adapter[OptionsT]):
    """One MPI application. Its module sets `ADAPTER` to an instance."""

    work_dir: str  # directory in the image where the command runs
    first_line: str  # the application's first output line starts with this
    last_line: str  # and its last one with this
    figures: tuple[FigureOfMerit, ...]  # the primary one first
    # Debian's, that the image of the local cluster is to have; None: the user's image has it alone
    packages: tuple[str, ...] | None = None
    mpi_implementations: tuple[MpiImplementation, ...] = ()  # that it is built for; empty: any
    exact_ranks: int | None = None  # None: it runs with any number
    example: Mapping[str, JsonValue] = MappingProxyType({})  # options of a study that shows it
    expectation: str | None = None  # source of `expected_loop_time_s`, None without one

    @abstractmethod
    def command(self, options: OptionsT) -> tuple[str, ...]:
        """The program and its arguments, the same under every operator."""

    @abstractmethod
    def problem(self, options: OptionsT) -> Mapping[str, Scalar]:
        """The options that make runs comparable: sizes, steps, named as `parse` reads them."""

    @abstractmethod
    def parse(self, lines: Iterable[str]) -> Measured:
        """The result in a launcher log without time stamps.

        ParseError when it is not whole. A figure that is not the primary one may be missing.
        """

    @abstractmethod
    def check(self, result: Measured, *, options: OptionsT, ranks: int) -> None:
        """Raise CheckFailed unless the result is right for this problem and rank count."""

    def configured(self, options: OptionsT) -> Application[Any]:
        """The application as these options make it; most are what they are."""
        del options
        return self

    def complaint(self, lines: Iterable[str]) -> str | None:
        """The application's own error in a launcher log without time stamps."""
        del lines
        return None

    def expected_loop_time_s(self, options: OptionsT, *, ranks: int) -> float | None:
        """Seconds that the solver may be expected to take, for estimates; None: nobody knows."""
        del options, ranks
        return None

    @property
    def can_be_simulated(self) -> bool:
        """True if it has a model of its output, which a simulated cluster plays."""
        return type(self).synthetic_output is not Application.synthetic_output

    def synthetic_output(
        self, options: OptionsT, *, ranks: int, loop_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """The output of a right run with that figure of merit, for simulated clusters.

        StudyError for an application that has no such model.
        """
        del options, ranks, loop_time_s
        raise StudyError(f"{self.name} has no synthetic output, so no simulated cluster can run it")


def available() -> tuple[str, ...]:
    """Names of all applications."""
    return adapters.available(sys.modules[__name__])


def load(name: str) -> Application:
    """The application of that name; StudyError listing the valid ones otherwise."""
    application: Application = adapters.load(sys.modules[__name__], name)
    return application


def of_study(study: Study) -> tuple[Application[Any], Model]:
    """A study's application as its options make it, and these options."""
    application = load(study.application)
    options = application.read_options(study.application_options)
    return application.configured(options), options
