"""Base of clusters whose parts are processes of this machine, kept in one state folder."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from include.adapters import OptionsT
from include.clusters import Cluster
from include.embedded import health, local_cluster, state

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.kube.client import Kube
    from include.kube.kinds import Controller
    from include.models import Reservation


class OnThisMachine(Cluster[OptionsT]):
    """A cluster with its state in `root`."""

    ends_on_this_machine = True

    @property
    @abstractmethod
    def root(self) -> Path:
        """The state folder."""

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Paths and addresses of the running cluster."""

    def administer(self, reservation: Reservation) -> Kube:
        """A client with all rights: the pipeline's own has none outside its namespace."""
        return local_cluster.admin(self.layout, namespace=reservation.namespace)

    def process(self, part: str) -> HostProcess | None:
        """Process of a part, from the stored state of the running cluster."""
        current = state.read(self.root)
        return current.process(part) if current else None

    def health(
        self,
        reservation: Reservation,
        kube: Kube,
        controller: Controller | None,  # noqa: ARG002
    ) -> None:
        """Check the parts, which are all processes of this machine."""
        health.require_whole(self.root, study_id=reservation.study_id)
        kube.require_answer()

    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Everything that exists, unless it is another study's."""
        current = state.read_or_none(self.root)
        if current is not None and current.study_id != reservation.study_id:
            return ()
        return self._left()

    @abstractmethod
    def _left(self) -> tuple[str, ...]:
        """Names of everything of such a cluster on this machine."""
