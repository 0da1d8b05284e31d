"""The arms of the study: an operator, and the limits that its controller sets itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include import k8s_operators
from include.kube.kinds import Rate
from include.simulation.programs import AS_IT_COMES, Limits

if TYPE_CHECKING:
    from include.kube.kinds import Controller

FAST_CLIENT = Rate(qps=200, burst=400)  # rate of the control plane's own controllers
FAST_QUEUE = Rate(qps=1000, burst=10_000)
MANY = 10_000


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One operator with its limits."""

    name: str
    title: str
    k8s_operator: str
    limits: Limits = AS_IT_COMES
    most_nodes: int = MANY  # larger jobs show nothing new

    @property
    def _controller(self) -> Controller | None:
        return k8s_operators.load(self.k8s_operator).controller

    @property
    def client(self) -> Rate | None:
        """The limit of its requests; None where Kubernetes' own controllers do it all."""
        return self.limits.client or (self._controller.client_rate if self._controller else None)

    @property
    def queue(self) -> Rate | None:
        """The limit of the events that it takes up, where it has one for all."""
        return self.limits.queue or (self._controller.queue_rate if self._controller else None)


ARMS = (
    Arm(
        name="indexed_job",
        title="Indexed Job",
        k8s_operator="indexed_job",
    ),
    Arm(
        name="flux_operator",
        title="Flux Operator as it comes (client 20/s)",
        k8s_operator="flux_operator",
    ),
    Arm(
        name="mpi_operator-fast",
        title="MPI Operator, client 200/s, event queue 1,000/s",
        k8s_operator="mpi_operator",
        limits=Limits(client=FAST_CLIENT, queue=FAST_QUEUE),
    ),
    Arm(
        name="mpi_operator-fast-client",
        title="MPI Operator, client 200/s",
        k8s_operator="mpi_operator",
        limits=Limits(client=FAST_CLIENT),
        most_nodes=128,  # above it the queue governs, as in the arm below
    ),
    Arm(
        name="mpi_operator",
        title="MPI Operator as it comes (client 5/s, event queue 10/s)",
        k8s_operator="mpi_operator",
    ),
)


def arms() -> dict[str, Arm]:
    """All arms by name; the slowest last."""
    return {arm.name: arm for arm in ARMS}
