"""The simulated cluster that jobs are measured on, and one measurement on it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from include import clusters, k8s_operators
from include.control_path import job, many
from include.control_path.load import (
    AuditLog,
    by_party,
    count_requests,
    reset_peaks,
    usage,
    used_between,
)
from include.control_path.machine import machine
from include.control_path.rows import Batch, RequestCount, Run
from include.embedded import programs as embedded_programs
from include.embedded import state
from include.embedded.local_cluster import admin
from include.embedded.paths import simulated_root
from include.errors import ClusterError
from include.k8s_operators import _kueue
from include.models import Status, Study
from include.simulation import controllers, programs, settings
from include.study import queueing
from include.study.plan import study_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.control_path.arms import Arm
    from include.control_path.job import Timed
    from include.control_path.load import Request
    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.kube.client import Kube
    from include.kube.kinds import Controller, Rate
    from include.models import ClusterHandle
    from include.simulation.programs import Program
    from include.simulation.settings import Options

log = logging.getLogger(__name__)
AUDIT_SETTLES_S = 0.2  # the audit log gets a request once its response has been sent


@dataclass(kw_only=True)
class Load:
    """Requests of a measurement by kind, and the fields of its row; filled when it is over."""

    counts: Counter[Request] = field(default_factory=Counter)
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A running cluster."""

    handle: ClusterHandle
    options: Options
    layout: Layout
    kube: Kube
    audit: AuditLog

    @contextmanager
    def installed(self, arm: Arm) -> Iterator[str]:
        """Run the arm's controllers, with its queue if it has one; gives their versions."""
        own = k8s_operators.load(arm.k8s_operator).controller
        simulated, version = clusters.load(self.handle.cluster), self.handle.kubernetes_version
        try:
            told = simulated.install_in_order(self.handle, own) if own else f"Kubernetes {version}"
            with self._queue() if arm.is_queued else nullcontext("") as queue:
                yield told + queue
        finally:
            for controller in reversed(arm.controllers):
                simulated.uninstall(self.handle, controller)

    @contextmanager
    def _queue(self) -> Iterator[str]:
        """Run Kueue with a queue that has room for everything; gives its version."""
        version = clusters.load(self.handle.cluster).install(self.handle, _kueue.CONTROLLER)
        nodes = self.handle.nodes
        queue = _kueue.objects(
            study_id=self.handle.study_id,
            namespace=self.handle.namespace,
            pod_resources=job.POD_RESOURCES,
            nodes=nodes,
            launchers=nodes,
        )
        queueing.make(self.kube, queue)
        try:
            yield f" with {_kueue.CONTROLLER.name} {version}"
        finally:
            queueing.delete(self.kube, self.handle.study_id)

    def measure(
        self, arm: Arm, *, nodes: int, repeat: int, version: str, limit_s: float
    ) -> tuple[Run, list[RequestCount]]:
        """Measure one job: its row, and its requests by kind."""
        operator = k8s_operators.load(arm.k8s_operator)
        name = f"{self._prefix(arm)}-{nodes}n-{repeat}"
        spec = job.spec_of(name, k8s_operator=operator.name, nodes=nodes, handle=self.handle)
        with self._loaded(arm) as load:
            timed = job.run(self.kube, operator, spec, limit_s=limit_s, queue=self._queue_of(arm))
        set_up = self._set_up(arm, repeat=repeat, version=version)
        run = Run(nodes=nodes, **set_up, **_outcome(timed), **load.fields)
        return run, _rows(load.counts, run)

    def measure_many(
        self, arm: Arm, *, jobs: int, nodes: int, repeat: int, version: str, limit_s: float
    ) -> Batch:
        """Measure many jobs of a few nodes each, submitted together."""
        operator = k8s_operators.load(arm.k8s_operator)
        specs = [
            # Launchers may use workers too: one node has no room for hundreds of them.
            replace(
                job.spec_of(
                    f"{self._prefix(arm)}-{jobs}x{repeat}-{number}",
                    k8s_operator=operator.name,
                    nodes=nodes,
                    handle=self.handle,
                ),
                launcher=self.handle.worker,
            )
            for number in range(jobs)
        ]
        with self._loaded(arm) as load:
            outcome = many.run(
                self.kube, operator, specs, limit_s=limit_s, queue=self._queue_of(arm)
            )
        many.remove(self.kube, operator, study_id=self.handle.study_id)
        set_up = self._set_up(arm, repeat=repeat, version=version)
        return Batch(jobs=jobs, nodes_per_job=nodes, **set_up, **outcome, **load.fields)

    def _queue_of(self, arm: Arm) -> str | None:
        return self.handle.study_id if arm.is_queued else None

    def _prefix(self, arm: Arm) -> str:
        return f"{self.handle.study_id}-{arm.name.replace('_', '-')}"

    @contextmanager
    def _loaded(self, arm: Arm) -> Iterator[Load]:
        """Measure the load on the cluster, with freshly started controllers."""
        self._start_anew(arm)
        self.audit.new_lines()
        reset_peaks(self.running())
        before = usage(self.running())
        load = Load()
        yield load
        after = usage(self.running())
        controllers = [each.name for each in arm.controllers]
        time.sleep(AUDIT_SETTLES_S)
        load.counts = count_requests(self.audit.new_lines(), controllers=controllers)
        used = used_between(before, after, controllers=controllers)
        load.fields = {**by_party(load.counts), **used}

    def _set_up(self, arm: Arm, *, repeat: int, version: str) -> dict[str, Any]:
        return {
            "arm": arm.name,
            "k8s_operator": arm.k8s_operator,
            "operator_version": version,
            **_rate("client", arm.client),
            **_rate("queue", arm.queue),
            **_rate("kueue", arm.kueue_client),
            "control_plane_qps": self.options.control_plane_qps,
            "cluster_nodes": self.handle.nodes,
            "machine": machine(),
            "repeat": repeat,
        }

    def _start_anew(self, arm: Arm) -> None:
        """Restart the controller, so that the job inherits no backlog, and wait until it leads."""
        own = k8s_operators.load(arm.k8s_operator).controller
        for each in arm.controllers:
            is_its_own = each == own
            limits = arm.limits_of(each)
            controller = arm.of(each) if is_its_own else each
            where: dict[str, Any] = {"root": simulated_root(), "study_id": self.handle.study_id}
            if is_its_own and arm.version:  # each version brings its own definitions
                controllers.exchange(controller, limits=limits, **where)
            else:
                controllers.restart(controller, limits=limits, **where)

    def running(self) -> tuple[HostProcess, ...]:
        """Processes of the cluster and its controllers; ClusterError when one has died."""
        current = state.read(simulated_root())
        if current is None:
            raise ClusterError("the simulated cluster has been removed by somebody else")
        if dead := current.dead():
            raise ClusterError(f"{dead[0].name} has died; its log is {dead[0].log}")
        return current.processes


def has_program(arm: Arm, options: Options) -> bool:
    """True if the arm's real operator is available or can be built: no stand-in is measured."""
    named = options.flux_operator
    return all(embedded_programs.can_be_had(each, named=named) for each in arm.controllers)


def program_of(controller: Controller, arm: Arm, options: Options) -> Program | None:
    """The build of the arm's controller to measure; None where it has no program."""
    return programs.find(arm.of(controller), options)


@contextmanager
def ready(options: Options) -> Iterator[Lab]:
    """A simulated cluster for the duration of the block; nothing of it remains on any exit."""
    study = Study(
        name="path",
        cluster="simulated",
        cluster_options=options.to_json(),
        operators=("indexed_job",),
        nodes=(1,),  # sizes up to the cluster's, beyond the limits of a study
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


def _rate(prefix: str, rate: Rate | None) -> dict[str, int | None]:
    return {
        f"{prefix}_qps": rate.qps if rate else None,
        f"{prefix}_burst": rate.burst if rate else None,
    }


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
