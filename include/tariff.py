"""Hourly cost of a cluster, and its durations besides the jobs themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from include.base_model import Model, Positive

Seconds = Annotated[float, Field(ge=0)]
Usd = Annotated[float, Field(ge=0)]


class Tariff(Model):
    """The price of a cluster, and its source."""

    nodes: Positive  # paid nodes, including those without ranks
    node_usd_per_hour: Usd
    other_usd_per_hour: Usd = 0.0  # control plane, network gateway
    source: str

    @property
    def usd_per_hour(self) -> float:
        """Hourly price of the cluster with all its nodes."""
        return self.nodes * self.node_usd_per_hour + self.other_usd_per_hour

    def usd(self, *, nodes: int, duration_s: float) -> float:
        """The cost of that many nodes, and of everything else, for a duration."""
        return (nodes * self.node_usd_per_hour + self.other_usd_per_hour) * duration_s / 3600


class PaidNode(Model):
    """One machine of a cluster, with the time for which it is paid."""

    name: str
    since: AwareDatetime
    until: AwareDatetime | None = None  # None: still running


class Pace(Model):
    """Durations of a cluster's steps except the application, from experience."""

    create_s: Seconds  # time until nodes can be requested
    nodes_while_creating: Annotated[int, Field(ge=0)] | None = None  # paid then; None: all
    join_s: Seconds = 0.0  # time until all nodes are ready, paid
    pull_s: Seconds = 0.0  # pulling the image on all nodes
    install_s: Seconds
    uninstall_s: Seconds
    launch_s: Seconds  # overhead of a point's pods and launcher around the application
    between_s: Seconds  # end of a point's job to the start of the next
    end_s: Seconds = 0.0  # time until returned workers cost nothing
    delete_s: Seconds
    # By number of nodes, if the cluster determines a job's duration; empty: the application does.
    run_times_s: dict[int, Seconds] = Field(default_factory=dict)
    time_scale: Annotated[float, Field(gt=0)] = 1.0  # the job's scale, where it is played faster
    source: str
