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
    """A text does not have its expected format; names the missing or wrong line."""


class CheckFailed(BenchmarkError):
    """The application succeeded, but its result is wrong, for example its energy or ranks."""


class JobFailed(BenchmarkError):
    """The application's job failed: it exited non-zero, could not start, or was lost."""


class JobTimeout(JobFailed):
    """The job did not end within the point's time limit."""


class ClusterError(BenchmarkError):
    """A cluster, or a controller on it, could not be made ready or reached."""


class ClusterBusy(ClusterError):
    """Another study has the cluster, which takes one at a time; it will become free."""


class PartDied(ClusterError):
    """A part of the cluster has died: it is useless until it is restarted."""


class CapacityError(ClusterError):
    """The cluster did not get the nodes that the study needs; the study cannot go on."""


class TeardownError(ClusterError):
    """Something that the study made remains after its deletion."""


class ClustersReaped(BenchmarkError):
    """Clusters were left behind, or may be; the message names each and its fate."""


class Cancelled(BenchmarkError):
    """The run, or the current task, was cancelled by hand."""


class Problem(NamedTuple):
    """One thing wrong with the input."""

    place: str  # path such as `pod_resources.cpu`; empty: the complete study
    message: str
    given: Any


def problems(err: ValidationError) -> list[Problem]:
    """Pydantic's complaints, without its technical terms."""
    return [
        Problem(
            place=".".join(str(part) for part in each["loc"] if part not in {"", "[key]"}),
            message=each["msg"].removeprefix("Value error, "),
            given=each["input"],
        )
        for each in err.errors()
    ]
