"""Clusters: how each kind is made ready, reached, and proven gone."""

from __future__ import annotations

import sys
from abc import abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.checks import Findings, busy, failed, passed
from include.errors import ClusterBusy, ClusterError
from include.kube import installation
from include.kube.kinds import NODE
from include.tariff import PaidNode, Tariff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from include.applications import Application
    from include.checks import Check
    from include.embedded.processes import HostProcess
    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import ClusterHandle, Reservation, Study
    from include.models.fabric import Traffic
    from include.tariff import Pace

PRICE = "hourly_price_usd"  # option for a study's own price of one node


class Cluster(adapters.Adapter[OptionsT]):
    """One kind of cluster. Its module sets `ADAPTER` to an instance.

    All calls may be repeated: a second `create` adopts what the first one made, a second
    `delete` finds nothing to do.
    """

    gives_nodes_back: bool = False  # whether `keep_workers` does anything

    @abstractmethod
    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """Names, size and expiry of the cluster-to-be. Touches nothing.

        Raises StudyError when the study cannot run there (too many nodes, wrong options).
        """

    @abstractmethod
    def preflight(self, reservation: Reservation) -> None:
        """Raise ClusterError, saying what to do, when `create` could not work here and now."""

    def examine(self, reservation: Reservation) -> Findings:
        """Each thing that `create` needs, looked at, and the price; raises nothing."""
        try:
            self.preflight(reservation)
        except ClusterBusy as err:
            checked = busy(f"cluster {self.name}", str(err))
        except ClusterError as err:
            checked = failed(f"cluster {self.name}", str(err))
        else:
            checked = passed(f"cluster {self.name}", "it can be made here and now")
        return Findings(checks=(checked,), tariff=self.tariff(reservation))

    def cannot_run(self, application: Application[Any]) -> str | None:  # noqa: ARG002
        """Why no study of the application can run here, with what to do; None: it can."""
        return None

    def room(
        self,
        reservation: Reservation,  # noqa: ARG002
        pod_resources: Mapping[str, str],  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks that enough nodes are large enough for such a pod, where that is known beforehand.

        ClusterError when it could be known and nobody answers.
        """
        return ()

    def cores_per_node(self, reservation: Reservation) -> int | None:  # noqa: ARG002
        """Most cores that a worker may have, where that can be known before; else None."""
        return None

    def controller_check(
        self,
        reservation: Reservation,  # noqa: ARG002
        controller: Controller,  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks that the controller could be installed, where that is known beforehand."""
        return ()

    @abstractmethod
    def create(self, reservation: Reservation, study: Study) -> None:
        """Start making the cluster, or adopt the one that this study already made."""

    @abstractmethod
    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait until jobs can run and return how to reach the cluster; ClusterError when not."""

    @abstractmethod
    def connect(self, reservation: Reservation) -> Kube:
        """A client with the pipeline's own credential, bound to the study's namespace."""

    @abstractmethod
    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Make the controller run and wait until it answers; returns the version that runs."""

    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Make all workers ready, and say in the handle which they are; ClusterError when not.

        Comes after each installation: workers that cost money can be spared until the first one.
        Here they are there from the start.
        """
        return handle

    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """Give back all workers but these, and wait until they cost nothing any more.

        ClusterError when they cannot be given back. May be repeated. Here nothing is given back: a
        cluster that can do it says so by `gives_nodes_back`.
        """

    def lost_workers(self, handle: ClusterHandle) -> tuple[str, ...]:  # noqa: ARG002
        """Workers of the handle that are there no more, of a cluster that can replace them."""
        return ()

    def keep(self, reservation: Reservation, *, work_s: float) -> None:
        """Say that the cluster is used for work that takes so long; one on a lease goes on then."""

    def traffic(self, handle: ClusterHandle) -> dict[str, Traffic] | None:  # noqa: ARG002
        """Counters by node of the fabric that MPI must use; None where it has the choice."""
        return None

    def evidence(self, reservation: Reservation) -> dict[str, str]:  # noqa: ARG002
        """Evidence from a failed cluster, read before it is deleted: text by file name."""
        return {}

    @abstractmethod
    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Remove the controller and its custom resource definitions, and wait until gone."""

    @abstractmethod
    def delete(self, reservation: Reservation) -> None:
        """Remove everything the study made; TeardownError naming what is still there."""

    @abstractmethod
    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Names of everything that this study made and that still exists."""

    parts: tuple[str, ...] = ()  # names of its processes on this machine, each of which may die
    drill: Mapping[str, JsonValue] = MappingProxyType({})  # its options for a drill: small, quick

    def process(self, part: str) -> HostProcess | None:  # noqa: ARG002
        """The process of a part that runs on this machine, None when there is none."""
        return None

    def health(
        self,
        reservation: Reservation,  # noqa: ARG002
        kube: Kube,
        controller: Controller | None,
    ) -> None:
        """Raise ClusterError naming the part of the cluster that is dead or silent.

        `controller` is the one that the job at work needs. Asked every few seconds, and so cheap.
        """
        kube.require_answer()
        if controller is not None:
            installation.require_running(kube, controller)

    @abstractmethod
    def pace(self, reservation: Reservation) -> Pace:
        """Durations of the cluster's own steps, from experience; touches nothing."""

    def paid_nodes(self, reservation: Reservation) -> int:
        """The number of paid nodes, including those without ranks; touches nothing."""
        return reservation.nodes

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """The nodes that are paid for, and since when: here from their registration."""
        return tuple(map(_paid, self.connect(reservation).list(NODE).items))

    def tariff(self, reservation: Reservation) -> Tariff | None:
        """The price without asking anybody: here the study's own, None when it names none."""
        price = reservation.options.get(PRICE)
        if not isinstance(price, int | float):
            return None
        return Tariff(
            nodes=self.paid_nodes(reservation),
            node_usd_per_hour=price,
            source=f"the study's cluster_options.{PRICE}",
        )


def _paid(node: dict[str, Any]) -> PaidNode:
    metadata = node["metadata"]
    return PaidNode(name=metadata["name"], since=metadata["creationTimestamp"])


def available() -> tuple[str, ...]:
    """Names of all clusters."""
    return adapters.available(sys.modules[__name__])


def load(name: str) -> Cluster:
    """The cluster of that name; StudyError listing the valid ones otherwise."""
    cluster: Cluster = adapters.load(sys.modules[__name__], name)
    return cluster
