"""A cluster of simulated nodes: control plane and controllers are real, applications are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include import applications
from include.checks import passed
from include.clusters import Cluster
from include.embedded import binaries, control_plane, credentials, health, simulated_removal, state
from include.embedded import programs as embedded_programs
from include.embedded.paths import simulated_root
from include.errors import StudyError
from include.kube import fit
from include.kube.client import Kube
from include.models import ClusterHandle, Reservation
from include.simulation import cluster, controllers, durations, nodes, settings
from include.simulation.settings import Options
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.applications import Application
    from include.checks import Check
    from include.embedded.processes import HostProcess
    from include.kube.kinds import Controller
    from include.models import Study

IMAGE = "simulated/no-image:none"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "mpi-operator",
)


class Simulated(Cluster[Options]):
    """65 nodes of KWOK, or as many as asked for, on this machine's loopback. Needs no root."""

    name = "simulated"
    title = "Simulated nodes (KWOK)"
    options = Options
    gives_nodes_back = True

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The study's namespace is named like it; StudyError when it wants more nodes."""
        chosen = self.read_options(study.cluster_options)
        if (wanted := max(study.nodes)) > chosen.nodes:
            msg = (
                f"study asks for {wanted} nodes, the simulated cluster has {chosen.nodes} workers: "
                f"lower `nodes`, or raise `cluster_options.nodes`"
            )
            raise StudyError(msg)
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=study_id,
            nodes=chosen.nodes,
            expires_at=datetime.now(UTC) + timedelta(hours=study.ttl_hours),
            options=chosen.to_json(),
        )

    def preflight(self, reservation: Reservation) -> None:
        """The programs are built, what controllers insist on is free, and nobody else is here."""
        for program in PROGRAMS:
            binaries.binary(program)
        current = state.read(simulated_root())
        state.refuse_other_study(
            current, root=simulated_root(), study_id=reservation.study_id, kind="simulated"
        )

    def cannot_run(self, application: Application[Any]) -> str | None:
        """Nodes that are simulated run no program: they play its output."""
        if application.can_be_simulated:
            return None
        names = [n for n in applications.available() if applications.load(n).can_be_simulated]
        return (
            f"{application.title} has no synthetic output, which simulated nodes would play; "
            f"use {' or '.join(names)}, or another cluster"
        )

    def room(
        self,
        reservation: Reservation,  # noqa: ARG002
        pod_resources: Mapping[str, str],
    ) -> tuple[Check, ...]:
        """By what a simulated node is said to have."""
        return (fit.check(pod_resources, nodes.RESOURCES, whose="a simulated node"),)

    def cores_per_node(self, reservation: Reservation) -> int:  # noqa: ARG002
        """The cores of a simulated node."""
        return int(nodes.RESOURCES["cpu"])

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's program and its manifest, or its stand-in."""
        options = Options.model_validate(reservation.options)
        program = embedded_programs.find(controller, named=options.flux_operator)
        if program is None:
            return (passed(controller.name, "no program on this machine: a declared stand-in"),)
        return embedded_programs.check(controller, program)

    def paid_nodes(self, reservation: Reservation) -> int:
        """The workers and the launcher's node."""
        return reservation.nodes + 1

    def pace(self, reservation: Reservation) -> Pace:
        """Jobs as in run 6, played faster by `time_scale`."""
        chosen = self.read_options(reservation.options)
        return Pace(
            create_s=5 + 0.1 * chosen.nodes,
            pull_s=0,
            install_s=4,
            uninstall_s=4,
            launch_s=10 + chosen.start_s + chosen.pull_s,
            between_s=5,
            delete_s=2,
            loop_times_s={
                number: chosen.run_s or durations.median_loop_time_s(number)
                for number in range(1, chosen.nodes + 1)
            },
            time_scale=chosen.time_scale,
            source="the medians of run 6, times cluster_options.time_scale",
        )

    def create(self, reservation: Reservation, study: Study) -> None:
        """Start control plane, KWOK, player and nodes, or adopt them when they run."""
        self.preflight(reservation)
        cluster.create(reservation, study, root=simulated_root())

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for all nodes to be Ready."""
        current = cluster.wait_ready(root=simulated_root(), study_id=reservation.study_id)
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version=binaries.KUBERNETES_VERSION,
            instance_type=nodes.INSTANCE_TYPE,
            image=study.image or IMAGE,
            image_digest="none (simulated)",
            image_pull_policy="Never",
            launcher=nodes.LAUNCHER_PLACE,
            worker=nodes.WORKER_PLACE,
            worker_nodes=nodes.worker_names(reservation.nodes),
            simulated=True,
            time_scale=self.read_options(reservation.options).time_scale,
            notes=current.notes,
        )

    def connect(self, reservation: Reservation) -> Kube:
        """A client that may work in the study's namespace and look at the nodes.

        Starts again what of the cluster has died, see `cluster.revive`.
        """
        root = simulated_root()
        cluster.revive(root=root, study_id=reservation.study_id)
        path = settings.read(root).layout(root).kubeconfig(credentials.PIPELINE)
        return Kube.from_kubeconfig(path, namespace=reservation.namespace)

    parts = (*control_plane.ALL, cluster.KWOK, cluster.PLAYER, "mpi-operator")
    drill = MappingProxyType({"nodes": 2, "run_s": 4, "pull_s": 0, "start_s": 1, "time_scale": 1.0})

    def process(self, part: str) -> HostProcess | None:
        """From what is stored of the cluster that runs."""
        current = state.read(simulated_root())
        return current.process(part) if current else None

    def health(
        self,
        reservation: Reservation,
        kube: Kube,
        controller: Controller | None,  # noqa: ARG002
    ) -> None:
        """Every part is a process of this machine."""
        health.require_whole(simulated_root(), study_id=reservation.study_id)
        kube.require_answer()

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Run the controller as a process of this machine, or its declared stand-in."""
        return controllers.install(controller, root=simulated_root(), study_id=reservation.study_id)

    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """Delete the simulated nodes of the others."""
        cluster.keep_workers(root=simulated_root(), study_id=handle.study_id, names=names)

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Stop the controller or its stand-in and remove its definitions and role."""
        controllers.uninstall(controller, root=simulated_root(), study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Remove the study's cluster, running, half made or crashed; another study's stays."""
        cluster.delete(root=simulated_root(), study_id=reservation.study_id)

    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Processes and files of this study's cluster."""
        current = state.read_or_none(simulated_root())
        if current is not None and current.study_id != reservation.study_id:
            return ()
        return simulated_removal.leftovers(simulated_root())


ADAPTER = Simulated()
