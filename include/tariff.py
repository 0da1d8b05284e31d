"""Hourly cost of a cluster, and its durations beside the jobs themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from include.base_model import Model, Positive

Seconds = Annotated[float, Field(ge=0)]
Usd = Annotated[float, Field(ge=0)]


class Tariff(Model):
    """The price of a cluster, and where the number comes from."""

    nodes: Positive  # paid for, those that carry no ranks included
    node_usd_per_hour: Usd
    other_usd_per_hour: Usd = 0.0  # control plane, network gateway
    source: str

    @property
    def usd_per_hour(self) -> float:
        """The whole cluster's price with all its nodes."""
        return self.nodes * self.node_usd_per_hour + self.other_usd_per_hour

    def usd(self, *, nodes: int, duration_s: float) -> float:
        """The cost of that many nodes, and of everything that is not a node, for a duration."""
        return (nodes * self.node_usd_per_hour + self.other_usd_per_hour) * duration_s / 3600


class PaidNode(Model):
    """One machine of a cluster, and from when until when it is paid for."""

    name: str
    since: AwareDatetime
    until: AwareDatetime | None = None  # None: it is there yet


class Pace(Model):
    """Durations of a cluster's steps other than the application, from experience."""

    create_s: Seconds  # time until nodes can be requested
    nodes_while_creating: Annotated[int, Field(ge=0)] | None = None  # paid then; None: all
    join_s: Seconds = 0.0  # time until all nodes are ready, paid
    pull_s: Seconds = 0.0  # the image on all nodes
    install_s: Seconds
    uninstall_s: Seconds
    launch_s: Seconds  # overhead of a point's pods and launcher around the application
    between_s: Seconds  # end of a point's job to the start of the next
    delete_s: Seconds
    # By nodes, on a cluster that says what a job takes; empty: the application says it.
    loop_times_s: dict[int, Seconds] = Field(default_factory=dict)
    time_scale: Annotated[float, Field(gt=0)] = 1.0  # the job's, where it is played faster
    source: str
