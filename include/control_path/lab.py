"""The simulated cluster that jobs are measured on, and one measurement there."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include import clusters, k8s_operators
from include.control_path import job
from include.control_path.load import (
    OPERATOR,
    PARTIES,
    AuditLog,
    count_requests,
    reset_peaks,
    usage,
)
from include.control_path.rows import RequestCount, Run
from include.embedded import processes, state
from include.embedded.controllers import LEASE
from include.embedded.local_cluster import admin
from include.embedded.paths import simulated_root
from include.errors import ClusterError
from include.models import Status, Study
from include.simulation import controllers, programs, settings
from include.study.plan import study_id_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from include.control_path.arms import Arm
    from include.control_path.job import Timed
    from include.control_path.load import Request, Usage
    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.kube.client import Kube
    from include.models import ClusterHandle
    from include.simulation.settings import Options

log = logging.getLogger(__name__)
AUDIT_SETTLES_S = 0.2  # a request is written down when its answer has been sent
SETTLE_S = 2.0  # time for a fresh controller to fill its caches
LEADER_LIMIT_S = 30.0
# Fields of `Run` by the process that they tell of; the operator's own is named by its controller.
PROCESSES = {
    "controller_manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
    "api_server": "kube-apiserver",
    "etcd": "etcd",
    "kwok": "kwok",
}
WITH_PEAK = ("controller_manager", "scheduler", "api_server")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A cluster that is ready."""

    handle: ClusterHandle
    options: Options
    layout: Layout
    kube: Kube
    audit: AuditLog

    @contextmanager
    def installed(self, k8s_operator: str) -> Iterator[str]:
        """The operator's controller runs meanwhile; its version."""
        controller = k8s_operators.load(k8s_operator).controller
        if controller is None:
            yield f"Kubernetes {self.handle.kubernetes_version}"
            return
        where: dict[str, Any] = {"root": simulated_root(), "study_id": self.handle.study_id}
        try:
            yield controllers.install(controller, **where)
        finally:
            controllers.uninstall(controller, **where)

    def measure(
        self, arm: Arm, *, nodes: int, repeat: int, version: str, limit_s: float
    ) -> tuple[Run, list[RequestCount]]:
        """One job: its row, and its requests by kind."""
        operator = k8s_operators.load(arm.k8s_operator)
        name = f"{self.handle.study_id}-{arm.name.replace('_', '-')}-{nodes}n-{repeat}"
        spec = job.spec_of(name, k8s_operator=operator.name, nodes=nodes, handle=self.handle)
        self._start_anew(arm)
        self.audit.new_lines()
        reset_peaks(self.running())
        before, own = usage(self.running()), time.process_time()
        timed = job.run(self.kube, operator, spec, limit_s=limit_s)
        after, own = usage(self.running()), time.process_time() - own
        controller = operator.controller.name if operator.controller else None
        time.sleep(AUDIT_SETTLES_S)
        counts = count_requests(self.audit.new_lines(), controller=controller)
        run = Run(
            arm=arm.name,
            k8s_operator=operator.name,
            operator_version=version,
            client_qps=arm.client.qps if arm.client else None,
            client_burst=arm.client.burst if arm.client else None,
            queue_qps=arm.queue.qps if arm.queue else None,
            queue_burst=arm.queue.burst if arm.queue else None,
            control_plane_qps=self.options.control_plane_qps,
            cluster_nodes=self.handle.nodes,
            nodes=nodes,
            repeat=repeat,
            cpu_study_s=round(own, 2),
            **_outcome(timed),
            **_by_party(counts),
            **_used(before, after, controller=controller),
        )
        return run, _rows(counts, run)

    def _start_anew(self, arm: Arm) -> None:
        """Give the job a controller that owes no other one anything, and leads."""
        controller = k8s_operators.load(arm.k8s_operator).controller
        if controller is not None:
            where: dict[str, Any] = {"root": simulated_root(), "study_id": self.handle.study_id}
            controllers.restart(controller, limits=arm.limits, **where)
            if controller.elects_leader:
                place = self.kube.in_namespace(controller.namespace)
                processes.wait_for(
                    f"{controller.name} to lead",
                    lambda: bool(place.list(LEASE).items),
                    timeout_s=LEADER_LIMIT_S,
                )
        time.sleep(SETTLE_S)

    def running(self) -> tuple[HostProcess, ...]:
        """Those of the cluster and its controllers; ClusterError when one has died."""
        current = state.read(simulated_root())
        if current is None:
            raise ClusterError("the simulated cluster is gone: somebody has removed it")
        if dead := current.dead():
            raise ClusterError(f"{dead[0].name} has died; its log is {dead[0].log}")
        return current.processes


def has_program(arm: Arm, options: Options) -> bool:
    """True if the arm's real operator is available: a stand-in is not measured."""
    controller = k8s_operators.load(arm.k8s_operator).controller
    return controller is None or programs.find(controller, options) is not None


@contextmanager
def ready(options: Options) -> Iterator[Lab]:
    """A simulated cluster while it lasts; nothing of it stays on any path."""
    study = Study(
        name="path",
        cluster="simulated",
        cluster_options=options.to_json(),
        operators=("indexed_job",),
        nodes=(1,),  # jobs here are of any size up to the cluster's, beyond what a study may ask
        ttl_hours=24,
    )
    simulated = clusters.load(study.cluster)
    study_id = study_id_of(name=study.name, run_id=str(time.time_ns()))
    reservation = simulated.reserve(study, study_id=study_id)
    simulated.preflight(reservation)
    try:
        simulated.create(reservation, study)
        handle = simulated.wait_ready(reservation, study)
        layout = settings.read(simulated_root()).layout(simulated_root())
        kube = admin(layout, namespace=handle.namespace)
        yield Lab(
            handle=handle,
            options=options,
            layout=layout,
            kube=kube,
            audit=AuditLog(layout.audit_log),
        )
        kube.close()
    finally:
        simulated.delete(reservation)
        if left := simulated.leftovers(reservation):
            raise ClusterError(f"still there: {', '.join(left)}; `make clean` removes it")


def _outcome(timed: Timed) -> dict[str, Any]:
    error = timed.error
    is_good = error is None and timed.pods_lost == 0
    return {
        "started_at": timed.started_at,
        "status": Status.VALID if is_good else Status.FAILED,
        "error": f"{type(error).__name__}: {error}" if error else None,
        "pods": timed.pods,
        "pods_lost": timed.pods_lost,
        **timed.seconds,
    }


def _by_party(counts: Counter[Request]) -> dict[str, int]:
    return {
        f"requests_{party}": sum(n for kind, n in counts.items() if kind.party == party)
        for party in PARTIES
    }


def _used(before: Usage, after: Usage, *, controller: str | None) -> dict[str, float]:
    named = PROCESSES | ({OPERATOR: controller} if controller else {})
    cpu = {
        f"cpu_{field}_s": round(after.cpu_s[name] - before.cpu_s[name], 2)
        for field, name in named.items()
    }
    peaks = [*WITH_PEAK, *([OPERATOR] if controller else [])]
    return cpu | {f"peak_{field}_mib": round(after.peak_mib[named[field]], 1) for field in peaks}


def _rows(counts: Counter[Request], run: Run) -> list[RequestCount]:
    return [
        RequestCount(
            arm=run.arm,
            nodes=run.nodes,
            repeat=run.repeat,
            party=kind.party,
            verb=kind.verb,
            resource=kind.resource,
            count=count,
        )
        for kind, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
