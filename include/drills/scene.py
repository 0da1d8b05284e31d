"""A running study from the viewpoint of whoever harms it: its cluster, task and pods."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include import k8s_operators
from include.embedded import local_cluster
from include.errors import ClusterError
from include.jobs.pod_states import has_started, own
from include.k8s_operators import LABEL_POINT
from include.kube.kinds import POD
from include.results import RECORD
from include.simulation import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.clusters._on_this_machine import OnThisMachine
    from include.drills.tasks import Task
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.models import Point, Reservation
    from include.results import Results

SETTLED_S = 0.1  # a step of the study counts as under way after this
ASK_S = 0.4  # interval of looking at pods


class Moment(StrEnum):
    """The moment of a harm."""

    PLANNED = "once planned"
    PROVISION = "while the cluster is made"
    INSTALL = "in install"
    BEGUN = "as a point begins"
    AT_WORK = "while a job runs"
    SECOND_AT_WORK = "while the second job runs"
    RECORDED = "between record and deletion"
    UNINSTALL = "in uninstall"
    DESTROY = "in destroy"


STEP_OF = {
    Moment.PROVISION: "provision",
    Moment.INSTALL: "phase_1.install",
    Moment.UNINSTALL: "phase_1.uninstall",
    Moment.DESTROY: "destroy",
}


@dataclass(kw_only=True)
class Scene:
    """The current state of the study."""

    cluster: OnThisMachine[Any]
    reservation: Reservation
    results: Results
    points: Sequence[Point]
    step: str = "plan"
    since: float = 0.0
    task: Task | None = None
    point_id: str | None = None  # the running point
    _ask_at: float = 0.0

    def begin(self, step: str, task: Task) -> None:
        """Note that a try of a step begins."""
        self.step, self.task, self.since, self.point_id = step, task, time.monotonic(), None

    def is_at(self, moment: Moment) -> bool:
        """True if the moment has come."""
        if moment is Moment.PLANNED:
            return True
        if moment in STEP_OF:
            settled = time.monotonic() - self.since >= SETTLED_S
            made = moment is not Moment.PROVISION or self.cluster.process("etcd") is not None
            return self.step == STEP_OF[moment] and settled and made
        if self.point_id is None:
            return False
        if moment is Moment.RECORDED:
            return self.results.of_point(self.point_id).exists(RECORD)
        is_second = self.point_id == self.points[-1].point_id
        if moment is Moment.SECOND_AT_WORK and not is_second:
            return False
        return moment is Moment.BEGUN or self._is_launched()

    def _is_launched(self) -> bool:
        if time.monotonic() < self._ask_at:
            return False
        self._ask_at = time.monotonic() + ASK_S
        with suppress(ClusterError, ApiException):
            return any(self._has_started(pod) for pod in self.launchers())
        return False

    def _has_started(self, pod: dict[str, Any]) -> bool:
        return has_started(own(pod, self.operator.container_of(pod)))

    @property
    def operator(self) -> K8sOperator:
        """The operator of the running point."""
        (point,) = [point for point in self.points if point.point_id == self.point_id]
        return k8s_operators.load(point.k8s_operator)

    def launchers(self) -> list[dict[str, Any]]:
        """The launcher pods of the running point."""
        return [pod for pod in self.pods() if self.operator.launches(pod)]

    def workers(self) -> list[dict[str, Any]]:
        """The other pods of the running point."""
        return [pod for pod in self.pods() if not self.operator.launches(pod)]

    def pods(self) -> list[dict[str, Any]]:
        """The pods of the running point."""
        kube = self.stranger()
        try:
            return list(kube.list(POD, selector=f"{LABEL_POINT}={self.point_id}").items)
        finally:
            kube.close()

    def stranger(self) -> Kube:
        """A client of somebody else, with all rights on the cluster."""
        root = self.cluster.root
        is_simulated = (root / settings.FILE).exists()
        layout = settings.read(root).layout(root) if is_simulated else local_cluster.layout_of(root)
        return local_cluster.admin(layout, namespace=self.reservation.namespace)
