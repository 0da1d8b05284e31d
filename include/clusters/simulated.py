"""A cluster of simulated nodes: control plane and controllers are real, applications are not."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from include.checks import passed
from include.clusters import _versions
from include.clusters._on_this_machine import OnThisMachine
from include.embedded import binaries, control_plane, credentials, simulated_removal, state
from include.embedded import programs as embedded_programs
from include.embedded.paths import simulated_root
from include.embedded.progress import Progress
from include.errors import StudyError
from include.jobs import controllers as needed
from include.kube import fit
from include.kube.client import Kube
from include.models import ClusterHandle, Reservation
from include.simulation import cluster, controllers, durations, nodes, settings
from include.simulation.settings import Options
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.applications import Application
    from include.checks import Check
    from include.embedded.layout import Layout
    from include.kube.kinds import Controller
    from include.models import Study

log = logging.getLogger(__name__)
IMAGE = "simulated/no-image:none"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "mpi-operator",
)


class Simulated(OnThisMachine[Options]):
    """65 KWOK nodes, or as many as asked for, on this machine's loopback. Needs no root."""

    name = "simulated"
    title = "Simulated nodes (KWOK)"
    options = Options
    pulls_images = False
    runs_images = False

    @property
    def root(self) -> Path:
        """Path separate from the local cluster's: both may run at once."""
        return simulated_root()

    @property
    def layout(self) -> Layout:
        """Paths and addresses, of which the ports were free at its start."""
        return settings.read(self.root).layout(self.root)

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The study's namespace, named after it; StudyError when it wants more nodes."""
        chosen = self.read_options(study.cluster_options)
        if (wanted := max(study.nodes)) > chosen.nodes:
            msg = (
                f"study asks for {wanted} nodes, the simulated cluster has {chosen.nodes} workers: "
                f"lower `nodes`, or raise `cluster_options.nodes`"
            )
            raise StudyError(msg)
        _versions.require_processes(study, flux_operator=chosen.flux_operator)
        return self._reservation(study, study_id=study_id, nodes=chosen.nodes, options=chosen)

    def preflight(self, reservation: Reservation) -> None:
        """Check the programs, the ports that controllers insist on, and other studies."""
        for program in PROGRAMS:
            binaries.binary(program)
        self.require_turn(reservation)

    def require_turn(self, reservation: Reservation) -> None:
        """Allow one study at a time in a state folder."""
        current = state.read(self.root)
        state.refuse_other_study(current, root=self.root, study_id=reservation.study_id)

    def cannot_run(self, application: Application[Any]) -> str | None:
        """Reason: simulated nodes run no program, they play its output."""
        if application.can_be_simulated:
            return None
        return (
            f"{application.title} has no synthetic output, which simulated nodes would play; "
            f"{application.simulation_remedy}"
        )

    def room(
        self,
        reservation: Reservation,  # noqa: ARG002
        pod_resources: Mapping[str, str],
    ) -> tuple[Check, ...]:
        """Check room for pods against the nominal size of a simulated node."""
        return (fit.check(pod_resources, nodes.RESOURCES, whose="a simulated node"),)

    def cores_per_node(self, reservation: Reservation) -> int:  # noqa: ARG002
        """The cores of a simulated node."""
        return int(nodes.RESOURCES["cpu"])

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's program and its manifest, or its stand-in."""
        options = self.options_of(reservation)
        program = embedded_programs.find(controller, named=options.flux_operator)
        if program is None and not controller.tool:
            return (passed(controller.name, "no program on this machine: a declared stand-in"),)
        return embedded_programs.check(controller, program)

    def paid_nodes(self, reservation: Reservation) -> int:
        """The workers and the launcher's node."""
        return reservation.nodes + 1

    def pace(self, reservation: Reservation) -> Pace:
        """Jobs as in run 6, played faster by `time_scale`."""
        chosen = self.options_of(reservation)
        return Pace(
            create_s=5 + 0.1 * chosen.nodes,
            pull_s=0,
            install_s=4,
            uninstall_s=4,
            launch_s=10 + chosen.start_s + chosen.pull_s,
            between_s=5,
            delete_s=2,
            run_times_s={
                number: chosen.run_s or durations.median_run_time_s(number)
                for number in range(1, chosen.nodes + 1)
            },
            time_scale=chosen.time_scale,
            source="the medians of run 6, times cluster_options.time_scale",
        )

    def create(self, reservation: Reservation, study: Study) -> None:
        """Start control plane, KWOK, player and nodes, or adopt running ones."""
        self.preflight(reservation)
        wanted = needed.of_study(study, study.operators)
        embedded_programs.build(wanted, Progress(log.info))
        cluster.create(reservation, study, root=self.root)

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for all nodes to be Ready."""
        current = cluster.wait_ready(root=self.root, study_id=reservation.study_id)
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
            time_scale=self.options_of(reservation).time_scale,
            notes=current.notes,
        )

    def connect(self, reservation: Reservation) -> Kube:
        """A client with rights in the study's namespace, and to read nodes.

        Restarts dead parts of the cluster, see `cluster.revive`.
        """
        cluster.revive(root=self.root, study_id=reservation.study_id)
        path = self.layout.kubeconfig(credentials.PIPELINE)
        return Kube.from_kubeconfig(path, namespace=reservation.namespace)

    parts = (*control_plane.ALL, cluster.KWOK, cluster.PLAYER, "mpi-operator")
    drill = MappingProxyType({"nodes": 2, "run_s": 4, "pull_s": 0, "start_s": 1, "time_scale": 0.5})

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Run the controller as a process of this machine, or its declared stand-in."""
        return controllers.install(controller, root=self.root, study_id=reservation.study_id)

    def exchange(self, reservation: Reservation, controller: Controller) -> str:
        """Start another version's process, or the same one anew."""
        return controllers.exchange(controller, root=self.root, study_id=reservation.study_id)

    def gives_nodes_back(self, reservation: Reservation) -> bool:  # noqa: ARG002
        """True: simulated nodes are objects, which can be deleted."""
        return True

    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """Delete the simulated nodes of the others."""
        cluster.keep_workers(root=self.root, study_id=handle.study_id, names=names)

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Stop the controller or its stand-in and remove its definitions and role."""
        controllers.uninstall(controller, root=self.root, study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Remove the study's cluster in any state, even incomplete or crashed; others' stay."""
        cluster.delete(root=self.root, study_id=reservation.study_id)

    def _left(self) -> tuple[str, ...]:
        """Processes and files."""
        return simulated_removal.leftovers(self.root)


ADAPTER = Simulated()
