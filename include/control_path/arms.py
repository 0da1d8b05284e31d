"""The arms of the study: an operator and its controller's own rate limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from include import k8s_operators
from include.k8s_operators import _kueue
from include.kube import controller_versions
from include.kube.kinds import Rate
from include.simulation.programs import AS_IT_COMES, Limits

if TYPE_CHECKING:
    from include.kube.kinds import Controller

FAST_CLIENT = Rate(qps=200, burst=400)  # rate of the control plane's own controllers
FAST_QUEUE = Rate(qps=1000, burst=10_000)
MANY = 10_000
BY_KUEUE = ", admitted by Kueue"  # ends their titles
QUEUED = "-kueue"  # in the names of arms whose jobs Kueue admits, and the end of most


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One operator with its limits."""

    name: str
    title: str
    k8s_operator: str
    limits: Limits = AS_IT_COMES
    most_nodes: int = MANY  # larger jobs show nothing new; 0: only many jobs at once do
    is_queued: bool = False  # Kueue admits its jobs
    queue_limits: Limits = AS_IT_COMES  # Kueue's own
    version: str = ""  # version of its controller as a study names it; "": the pinned one

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """The controllers that its jobs need, in order of installation."""
        queue = (_kueue.CONTROLLER,) if self.is_queued else ()
        return (*k8s_operators.controllers((self.k8s_operator,)), *queue)

    @property
    def _controller(self) -> Controller | None:
        return k8s_operators.load(self.k8s_operator).controller

    def of(self, controller: Controller) -> Controller:
        """The operator's controller in the arm's version; StudyError for what names none."""
        return controller_versions.of(controller, self.version or None)

    @property
    def is_single(self) -> bool:
        """True if it is measured with single jobs too, and not only with many at once."""
        return self.most_nodes > 0

    def limits_of(self, controller: Controller) -> Limits:
        """The limits of one of its controllers."""
        if controller == self._controller:
            return self.limits
        return self.queue_limits if controller == _kueue.CONTROLLER else AS_IT_COMES

    @property
    def kueue_client(self) -> Rate | None:
        """Rate limit of Kueue's requests; None without Kueue."""
        return (
            (self.queue_limits.client or _kueue.CONTROLLER.client_rate) if self.is_queued else None
        )

    @property
    def client(self) -> Rate | None:
        """Rate limit of the controller's requests; None where Kubernetes' own do all the work."""
        return self.limits.client or (self._controller.client_rate if self._controller else None)

    @property
    def queue(self) -> Rate | None:
        """Rate limit of the controller's event queue; None where it has no global one."""
        return self.limits.queue or (self._controller.queue_rate if self._controller else None)


def _with_queue(arm: Arm) -> tuple[Arm, Arm]:
    """The arm, and the same with Kueue before its jobs."""
    name, title = f"{arm.name}{QUEUED}", f"{arm.title}{BY_KUEUE}"
    return (arm, replace(arm, name=name, title=title, is_queued=True))


ARMS = (
    *_with_queue(Arm(name="indexed_job", title="Indexed Job", k8s_operator="indexed_job")),
    Arm(
        name="indexed_job-kueue-fast",
        title=f"Indexed Job{BY_KUEUE} whose client may send {FAST_CLIENT.qps}/s",
        k8s_operator="indexed_job",
        is_queued=True,
        queue_limits=Limits(client=FAST_CLIENT),
        most_nodes=0,  # one job needs too few of Kueue's requests to meet its limit
    ),
    *_with_queue(
        Arm(
            name="flux_operator",
            title="Flux Operator as it comes (client 20/s)",
            k8s_operator="flux_operator",
        )
    ),
    *_with_queue(
        Arm(name="jobset", title="JobSet as it comes (client 500/s)", k8s_operator="jobset")
    ),
    *_with_queue(
        Arm(
            name="trainer_mpi",
            title="Kubeflow Trainer as it comes (client 20/s, JobSet's 500/s)",
            k8s_operator="trainer_mpi",
        )
    ),
    *_with_queue(
        Arm(
            name="mpi_operator-fast",
            title="MPI Operator, client 200/s, event queue 1,000/s",
            k8s_operator="mpi_operator",
            limits=Limits(client=FAST_CLIENT, queue=FAST_QUEUE),
        )
    ),
    Arm(
        name="mpi_operator-fast-client",
        title="MPI Operator, client 200/s",
        k8s_operator="mpi_operator",
        limits=Limits(client=FAST_CLIENT),
        most_nodes=128,  # above it the queue is the bottleneck, as in the arm below
    ),
    *_with_queue(
        Arm(
            name="mpi_operator",
            title="MPI Operator as it comes (client 5/s, event queue 10/s)",
            k8s_operator="mpi_operator",
        )
    ),
)


def arms() -> dict[str, Arm]:
    """All arms by name; the slowest last."""
    return {arm.name: arm for arm in ARMS}
