"""Clusters: how each kind is made ready, reached, and verified gone."""

from __future__ import annotations

import sys
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.checks import Findings, busy, failed, passed
from include.errors import ClusterBusy, ClusterError
from include.kube import installation
from include.kube.kinds import NODE
from include.models import Reservation
from include.tariff import PaidNode, Tariff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from include.applications import Application
    from include.checks import Check
    from include.embedded.processes import HostProcess
    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import ClusterHandle, Model, Study
    from include.models.fabric import Traffic
    from include.tariff import Pace

PRICE = "hourly_price_usd"  # option for a study's own price per node


class Cluster(adapters.Adapter[OptionsT]):
    """One kind of cluster. Its module sets `ADAPTER` to an instance.

    All calls may be repeated: a second `create` adopts what the first one made, a second
    `delete` has nothing to do.
    """

    pulls_images: bool = True  # its nodes pull the images that a study names
    _bound: tuple[dict[str, JsonValue], OptionsT] | None = None  # options as given, and as read

    def options_of(self, reservation: Reservation) -> OptionsT:
        """The study's options, read once for all calls with the same reservation."""
        bound = self._bound
        if bound is None or bound[0] != reservation.options:
            bound = (dict(reservation.options), self.read_options(reservation.options))
            self._bound = bound
        return bound[1]

    @abstractmethod
    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """Names, size and expiry of the future cluster. Changes nothing.

        Raises StudyError when the study cannot run there (too many nodes, wrong options).
        """

    def _reservation(
        self, study: Study, *, study_id: str, nodes: int, options: Model
    ) -> Reservation:
        """The reservation with that many workers; its namespace is named after the study."""
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=study_id,
            nodes=nodes,
            expires_at=datetime.now(UTC) + timedelta(hours=study.ttl_hours),
            options=options.to_json(),
        )

    @abstractmethod
    def preflight(self, reservation: Reservation) -> None:
        """Raise ClusterError, saying what to do, when `create` could not work here and now."""

    def require_turn(self, reservation: Reservation) -> None:
        """ClusterBusy while another study has a cluster that takes one at a time; cheap."""

    def examine(self, reservation: Reservation) -> Findings:
        """Check everything that `create` needs, and the price; raises nothing."""
        try:
            self.preflight(reservation)
        except ClusterBusy as err:
            checked = busy(f"cluster {self.name}", str(err))
        except ClusterError as err:
            checked = failed(f"cluster {self.name}", str(err))
        else:
            checked = passed(f"cluster {self.name}", "it can be made here and now")
        return Findings(checks=(checked,), tariff=self.tariff(reservation))

    ends_on_this_machine: bool = False  # True: gone with its processes and files here
    runs_images: bool = True  # False: its nodes only pretend to run them

    def cannot_run(self, application: Application[Any]) -> str | None:  # noqa: ARG002
        """Reason why no study of the application can run here, with a remedy; None: it can."""
        return None

    def room(
        self,
        reservation: Reservation,  # noqa: ARG002
        pod_resources: Mapping[str, str],  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks that enough nodes are large enough for such a pod, if that is known in advance.

        ClusterError when it should be known but nothing answers.
        """
        return ()

    def cores_per_node(self, reservation: Reservation) -> int | None:  # noqa: ARG002
        """Maximum cores of a worker, if known in advance; otherwise None."""
        return None

    def launcher_check(self, reservation: Reservation) -> tuple[Check, ...]:  # noqa: ARG002
        """Checks that some node takes a launcher pod, if that is known in advance."""
        return ()

    def controller_check(
        self,
        reservation: Reservation,  # noqa: ARG002
        controller: Controller,  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks that the controller can be installed, if that is known in advance."""
        return ()

    def exchange_check(
        self,
        reservation: Reservation,  # noqa: ARG002
        controller: Controller,  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks that versions of the controller can take turns, if that is known in advance."""
        return ()

    def image_checks(
        self,
        reservation: Reservation,  # noqa: ARG002
        images: tuple[str, ...],  # noqa: ARG002
    ) -> tuple[Check, ...]:
        """Checks of the images that workers pull, if something is known about their registries."""
        return ()

    @abstractmethod
    def create(self, reservation: Reservation, study: Study) -> None:
        """Start making the cluster, or adopt the one that this study already made."""

    @abstractmethod
    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait until jobs can run and return the access to the cluster; ClusterError otherwise."""

    @abstractmethod
    def connect(self, reservation: Reservation) -> Kube:
        """A client with the pipeline's own credential, bound to the study's namespace."""

    def connect_guarded(self, reservation: Reservation) -> Kube:
        """Such a client whose requests end by PartDied when a part of the cluster is dead."""
        from include.kube.guarded import GuardedKube  # noqa: PLC0415  the client takes a second to load

        kube = self.connect(reservation)
        return GuardedKube(kube, partial(self.health, reservation, kube, None))

    def administer(self, reservation: Reservation) -> Kube:
        """A client that may also make what a study needs outside its namespace."""
        return self.connect(reservation)

    @abstractmethod
    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Start the controller and wait until it answers; returns its version."""

    def install_in_order(self, reservation: Reservation, controller: Controller) -> str:
        """Install the controller after those it needs; returns the versions, its own first."""
        versions = {each.name: self.install(reservation, each) for each in controller.in_order}
        own = versions.pop(controller.name)
        return " with ".join([own, *(f"{name} {version}" for name, version in versions.items())])

    def exchange(self, reservation: Reservation, controller: Controller) -> str:
        """Run a version of an installed controller in place of the one that runs, and wait for it.

        It is a fresh one also where the same version runs. Its definitions take the place of the
        other's, which must have no job: they are not removed first, as Kubernetes' garbage
        collector learns of new definitions half a minute late. Returns the version that runs.
        ClusterError where versions cannot be exchanged.
        """
        raise ClusterError(
            f"{self.title} cannot exchange versions of {controller.name} ({reservation.study_id})"
        )

    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Make all workers ready and record them in the handle; ClusterError otherwise.

        Called after each installation: costly workers can wait until the first one. By default they
        are there from the start.
        """
        return handle

    def gives_nodes_back(self, reservation: Reservation) -> bool:  # noqa: ARG002
        """True if `keep_workers` ends machines; changes nothing."""
        return False

    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """Give back all workers except these, if any, and wait until they cost nothing more.

        ClusterError when they cannot be given back. May be repeated. Only called if
        `gives_nodes_back` is true.
        """

    def lost_workers(self, handle: ClusterHandle) -> tuple[str, ...]:  # noqa: ARG002
        """Workers of the handle that are gone, on a cluster that can replace them."""
        return ()

    def keep(self, reservation: Reservation) -> None:
        """Report that the cluster is in use, which extends a lease. Repeated during use."""

    def ends_at(self, reservation: Reservation) -> datetime | None:  # noqa: ARG002
        """Instant at which it is deleted whatever runs on it; None if it never is."""
        return None

    def traffic(self, handle: ClusterHandle) -> dict[str, Traffic] | None:  # noqa: ARG002
        """Counters by node of the fabric that MPI must use; None where MPI may choose."""
        return None

    def evidence(self, reservation: Reservation) -> dict[str, str]:  # noqa: ARG002
        """Evidence from a failed cluster, read before it is deleted: text by file name."""
        return {}

    @abstractmethod
    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Remove the controller and its custom resource definitions; waits until they are gone."""

    @abstractmethod
    def delete(self, reservation: Reservation) -> None:
        """Remove everything the study made; TeardownError naming what remains."""

    @abstractmethod
    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Names of everything that this study made and that still exists."""

    parts: tuple[str, ...] = ()  # names of its processes on this machine, each of which may die
    drill: Mapping[str, JsonValue] = MappingProxyType({})  # its options for a quick drill

    def process(self, part: str) -> HostProcess | None:  # noqa: ARG002
        """The process of a part that runs on this machine, None when there is none."""
        return None

    def health(
        self,
        reservation: Reservation,
        kube: Kube,
        controller: Controller | None,
    ) -> None:
        """Raise ClusterError naming the part of the cluster that is dead or silent.

        `controller` is the one that the running job needs. Called every few seconds: cheap.
        """
        kube.require_answer()
        for each in controller.in_order if controller is not None else ():
            installation.require_running(kube, each, study_id=reservation.study_id)

    @abstractmethod
    def pace(self, reservation: Reservation) -> Pace:
        """Durations of the cluster's own steps, from experience; touches nothing."""

    def paid_nodes(self, reservation: Reservation) -> int:
        """Number of paid nodes, including those without ranks; changes nothing."""
        return reservation.nodes

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """The paid nodes with their start times, by default their registration."""
        return tuple(map(_paid, self.connect(reservation).list(NODE).items))

    def tariff(self, reservation: Reservation) -> Tariff | None:
        """The price without any request: by default the study's own, None without one."""
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
