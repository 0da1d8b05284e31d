"""The plan of a study: its points, in order and in phases."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from include.base_model import DnsLabel, Model, Positive
from include.models.study import Study
from include.models.variants import PATTERN, arm_name

Variant = Annotated[str, StringConstraints(pattern=rf"^({PATTERN})?$")]


class Point(Model):
    """One run of one application on one operator at one node count."""

    point_id: DnsLabel  # also the name of the resource
    study_id: DnsLabel
    k8s_operator: str
    variant: Variant = ""  # the point's values of listed options; empty: the only variant
    nodes: Positive
    ranks_per_node: Positive
    repeat: Positive  # counts from 1, separately for warm-ups
    is_warmup: bool
    phase: Positive
    block: Positive  # points of one block share the node count and are compared
    order_index: Positive  # planned place in the complete study, from 1
    points_in_study: Positive
    workers: tuple[int, ...] = ()  # indexes of its nodes among the cluster's; empty: any nodes

    @property
    def ranks(self) -> int:
        """MPI processes of the run."""
        return self.nodes * self.ranks_per_node

    @property
    def arm(self) -> str:
        """The arm of a point: the operator, with its variant if there is one."""
        return arm_name(self.k8s_operator, self.variant)

    def __str__(self) -> str:
        kind = "warm-up" if self.is_warmup else "repeat"
        plural = "s" if self.nodes > 1 else ""
        return f"{self.arm} {self.nodes} node{plural} {kind} {self.repeat}"


class Phase(Model):
    """Operators installed together, and the points that run meanwhile."""

    phase: Positive
    operators: tuple[str, ...]
    points: tuple[Point, ...]


class Plan(Model):
    """A study and its ordered points."""

    study_id: DnsLabel
    study: Study
    phases: tuple[Phase, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """All points in the planned order."""
        return tuple(point for phase in self.phases for point in phase.points)
