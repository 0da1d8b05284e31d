"""The errors of the benchmark. A message says what was wrong, where, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError


class BenchmarkError(Exception):
    """Root of every error that this project raises on purpose."""


class StudyError(BenchmarkError):
    """The study asks for something that cannot be run; raised before anything costs money."""


class RenderError(BenchmarkError):
    """A manifest template lacks a value or does not give a Kubernetes object."""


class ParseError(BenchmarkError):
    """A text does not have the format it should have; names the missing or wrong line."""


class CheckFailed(BenchmarkError):
    """The application ended well, but its result is wrong: its energy, say, or its ranks."""


class JobFailed(BenchmarkError):
    """The application's job ended badly: it exited non-zero, could not start, or was lost."""


class JobTimeout(JobFailed):
    """The job did not end within the point's time limit."""


class ClusterError(BenchmarkError):
    """A cluster, or a controller on it, could not be made ready or reached."""


class ClusterBusy(ClusterError):
    """Another study has the cluster, which takes one at a time; it will be free again."""


class PartDied(ClusterError):
    """A part of the cluster has died: nothing more can be expected of it until it is revived."""


class CapacityError(ClusterError):
    """The cluster did not get the nodes that the study needs; the study cannot go on."""


class TeardownError(ClusterError):
    """Something that the study made is still there after its deletion."""


class ClustersReaped(BenchmarkError):
    """Clusters had been left behind, or may be; the message names each and what became of it."""


class Cancelled(BenchmarkError):
    """The run, or the task at work, was ended by hand."""


class Problem(NamedTuple):
    """One thing that is wrong with what was read."""

    place: str  # path such as `pod_resources.cpu`; empty: the whole study
    message: str
    given: Any


def problems(err: ValidationError) -> list[Problem]:
    """Pydantic's complaints, without the words that only its own users know."""
    return [
        Problem(
            place=".".join(str(part) for part in each["loc"] if part not in {"", "[key]"}),
            message=each["msg"].removeprefix("Value error, "),
            given=each["input"],
        )
        for each in err.errors()
    ]
