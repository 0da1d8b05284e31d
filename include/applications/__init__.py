"""Applications: the command, how to read its log, and when its result is correct."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.errors import CheckFailed, StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from include.models import FigureOfMerit, Model, MpiImplementation, Study
    from include.models.figures import Scalar


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurements that one run of an application reports."""

    figures: Mapping[str, float]  # values by name in declared units, including the primary one
    problem: Mapping[str, Scalar] = field(default_factory=dict)  # what makes runs comparable
    ranks: int | None = None  # None: the program does not print it
    version: str | None = None  # the program's version
    curves: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # figures left out because they contradict the primary one


@dataclass(frozen=True, kw_only=True)
class SyntheticLine:
    """One line of a synthetic output, and its time in seconds from the first."""

    at_s: float
    text: str


class Application(adapters.Adapter[OptionsT]):
    """One MPI application. Its module sets `ADAPTER` to an instance."""

    work_dir: str  # directory in the image where the command runs
    first_line: str  # the application's first output line starts with this
    last_line: str  # the application's last output line starts with this
    figures: tuple[FigureOfMerit, ...]  # the primary one first
    # Debian packages for the local cluster's image; None: only the user's image has the application
    packages: tuple[str, ...] | None = None
    mpi_implementations: tuple[MpiImplementation, ...] = ()  # those it is built for; empty: any
    exact_ranks: int | None = None  # None: it runs with any number
    example: Mapping[str, JsonValue] = MappingProxyType({})  # options of a demonstration
    expectation: str | None = None  # source of `expected_run_time_s`, None without one

    @abstractmethod
    def command(self, options: OptionsT) -> tuple[str, ...]:
        """The program and its arguments, the same under every operator."""

    def program(self, options: OptionsT) -> str:
        """The program that the image must have, by name or full path."""
        return self.command(options)[0]

    @abstractmethod
    def problem(self, options: OptionsT) -> Mapping[str, Scalar]:
        """The options that make runs comparable: sizes, steps, with the names used by `parse`."""

    @abstractmethod
    def parse(self, lines: Iterable[str]) -> Measured:
        """The result in a launcher log without timestamps.

        ParseError when it is incomplete. Figures other than the primary one may be missing.
        """

    @abstractmethod
    def check(self, result: Measured, *, options: OptionsT, ranks: int) -> None:
        """Raise CheckFailed unless the result is correct for this problem and rank count."""

    def require_asked(self, result: Measured, *, options: OptionsT, ranks: int) -> None:
        """CheckFailed unless it ran with these ranks the problem of these options.

        Whatever else makes its problem, such as threads, is not a matter of the options.
        """
        problem = self.problem(options)
        ran = (result.ranks, {name: result.problem.get(name) for name in problem})
        asked = (ranks, dict(problem))
        if ran != asked:
            raise CheckFailed(f"ran {ran} instead of {asked} (ranks, problem)")

    @property
    def sign(self) -> str:
        """A text that occurs in its logs and in no other program's."""
        return self.first_line

    def declared_by(self, result: Measured) -> tuple[FigureOfMerit, ...]:
        """The figures of the run with that result; the same for every run of most applications."""
        del result
        return self.figures

    def configured(self, options: OptionsT) -> Application[Any]:
        """The application configured by these options; most do not depend on them."""
        del options
        return self

    def complaint(self, lines: Iterable[str]) -> str | None:
        """The application's own error in a launcher log without timestamps."""
        del lines
        return None

    def expected_run_time_s(self, options: OptionsT, *, ranks: int) -> float | None:
        """Expected run time in seconds, for estimates; None when unknown."""
        del options, ranks
        return None

    @property
    def can_be_simulated(self) -> bool:
        """True if it has a model of its output, which a simulated cluster can play."""
        return type(self).synthetic_output is not Application.synthetic_output

    simulation_remedy = "use another application, or another cluster"  # advice without a model

    def synthetic_output(
        self, options: OptionsT, *, ranks: int, run_time_s: float
    ) -> tuple[SyntheticLine, ...]:
        """The output of a correct run with that figure of merit, for simulated clusters.

        StudyError for an application without such a model.
        """
        del options, ranks, run_time_s
        raise StudyError(f"{self.name} has no synthetic output, so no simulated cluster can run it")


def with_threads(problem: Mapping[str, Scalar], threads: int | None) -> dict[str, Scalar]:
    """The problem of a run; runs with several threads per rank are another one."""
    return {**problem, "threads": threads} if threads and threads > 1 else {**problem}


def available() -> tuple[str, ...]:
    """Names of all applications."""
    return adapters.available(sys.modules[__name__])


def load(name: str) -> Application:
    """The application of that name; StudyError listing the valid ones otherwise."""
    application: Application = adapters.load(sys.modules[__name__], name)
    return application


def of_study(study: Study) -> tuple[Application[Any], Model]:
    """A study's application as configured by its options, and these options."""
    application = load(study.application)
    options = application.read_options(study.application_options)
    return application.configured(options), options
