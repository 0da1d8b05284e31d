"""The row resulting from one point."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import model_validator

from include.base_model import Model, Positive
from include.models.choices import Binding, MpiImplementation
from include.models.figures import Better, FigureOfMerit, Scalar, primary_of
from include.models.plan import Variant
from include.models.timeline import Durations, Timeline

# Start of an `operator_version` when a stand-in replaces the operator.
STAND_IN = "stand-in"
# Fields of records of release 0.1, which knew one application; now figures.
FORMER_FIELDS = (
    *("loop_time_s", "app_wall_time_s", "timesteps_per_s", "atom_steps_per_s"),
    *("cpu_use_percent", "pot_eng"),
)


class Status(StrEnum):
    """Outcomes of a point: only `valid` counts in statistics."""

    VALID = "valid"
    FAILED = "failed"  # the job did not succeed
    INVALID = "invalid"  # the job succeeded, its result cannot be trusted


class AppClock(StrEnum):
    """Sources of the application's start and end."""

    LOG_LINES = "log_lines"  # the kubelet's timestamps of its first and last line, 1 µs
    LAUNCHER = "launcher"  # start and end of its job by the operator's own launcher, 1 ms


class _Outcome(Model):
    """The point and its outcome."""

    study_id: str
    point_id: str
    attempt: Positive = 1
    k8s_operator: str
    variant: Variant = ""  # see `Point`
    application: str | None
    cluster: str | None
    nodes: Positive | None
    ranks_per_node: Positive | None
    ranks: Positive | None
    repeat: Positive | None
    is_warmup: bool
    phase: Positive | None
    block: Positive | None
    order_index: Positive
    status: Status
    error: str | None = None
    note: str | None = None  # important facts, such as clocks that contradict each other
    declared: tuple[FigureOfMerit, ...] = ()  # the application's, for `figures` and `curves`
    figures: dict[str, float] = {}  # the run's values, by name
    curves: dict[str, dict[int, float]] = {}  # values by name, then by the value on the axis
    problem: dict[str, Scalar] = {}  # runs of another problem are no repeats of this one
    program_version: str | None = None
    launcher_time_s: float | None = None
    broker_time_s: float | None = None


class _SetUp(Model):
    """The setup of a point."""

    binding: Binding | None
    mpi_implementation: MpiImplementation | None
    image: str | None
    image_digest: str | None = None
    image_pulls: int | None = None  # image pulls during the timed job; None: unknown
    operator_version: str | None
    queue: str | None = None  # what admitted the job, with its version; None: nothing
    launcher_version: str | None = None  # version of an operator's own launcher, from its log
    workarounds: str = ""  # additions to the job beyond its operator's own means
    launcher_image_digest: str | None = None  # digest of the image with that launcher
    app_clock: AppClock | None = None  # None: runs recorded by another tool
    kubernetes_version: str | None
    instance_type: str | None = None
    node_names: tuple[str, ...] = ()
    manifest_sha256: str | None
    log_sha256: str | None = None
    code_version: str
    simulated: bool
    time_scale: float = 1.0  # scale of instants and phases; the log's own times are unscaled
    order_seed: int | None


class Record(_SetUp, Durations, Timeline, _Outcome):
    """One row per point, failures included. Durations in seconds, None where not measured.

    Required fields that may be None are only None for runs recorded without them by another tool; a
    valid record always has its ranks, and one of our own studies its nodes.
    """

    KEY: ClassVar[tuple[str, ...]] = ("study_id", "point_id", "attempt")

    @model_validator(mode="before")
    @classmethod
    def _takes_former_fields(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not any(name in given for name in FORMER_FIELDS):
            return given
        former = {name: given[name] for name in FORMER_FIELDS if given.get(name) is not None}
        kept = {name: value for name, value in given.items() if name not in FORMER_FIELDS}
        return {**kept, "figures": {**former, **given.get("figures", {})}}

    @property
    def merit_as_time(self) -> float | None:
        """The figure of merit, where less is better: for a rate, the time per unit of work."""
        figure = primary_of(self.declared)
        if figure is None:
            return self.figures.get(FORMER_FIELDS[0])
        value = self.figures.get(figure.name)
        return 1 / value if value and figure.better is Better.HIGHER else value

    @model_validator(mode="after")
    def _valid_has_its_size(self) -> Self:
        if self.status is Status.VALID and self.ranks is None:
            raise ValueError("a valid record has its ranks")
        if self.status is Status.VALID and self.nodes is None and self.cluster is not None:
            raise ValueError("a valid record of a cluster has its nodes")
        return self
