"""A real Kubernetes cluster on this machine: its nodes are namespaces with a kubelet in each."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from include import applications, k8s_operators
from include.clusters import Cluster, _local_refusals
from include.embedded import (
    binaries,
    cluster_dns,
    control_plane,
    controllers,
    credentials,
    flux_view,
    health,
    image,
    image_store,
    local_cluster,
    machine,
    network,
    owner,
    package_image,
    packages,
    ports,
    programs,
    removal,
    state,
)
from include.embedded.layout import MAX_NODES, nodes
from include.embedded.paths import state_root
from include.embedded.progress import Progress
from include.errors import ClusterError, StudyError
from include.kube import fit
from include.kube.client import Kube
from include.models import ClusterHandle, Model, Reservation
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.applications import Application
    from include.checks import Check
    from include.embedded.flux_view import FluxView
    from include.embedded.processes import HostProcess
    from include.embedded.programs import Found
    from include.kube.kinds import Controller
    from include.models import Study

log = logging.getLogger(__name__)
PULL_POLICY = "Never"  # the nodes have the image, and no registry does
PACE = Pace(
    create_s=4,
    install_s=4,
    uninstall_s=4,
    launch_s=1.3,
    between_s=4.5,
    delete_s=1,
    source="docs/benchmarks.md, two nodes on two cores",
)


class Options(Model):
    """`cluster_options` of a study on the local cluster."""

    nodes: Annotated[int, Field(ge=1, le=MAX_NODES)] = 2
    hourly_price_usd: float | None = Field(default=None, ge=0)  # price of one node, for the ledger
    flux_operator: str | None = None  # path of the controller's program; None: look on PATH
    flux_view: str | None = None  # archive, prefix or reference; None: the one brought last


class Local(Cluster[Options]):
    """etcd, API server and so on as processes, and real nodes in namespaces. Needs root."""

    name = "local"
    title = "Local Kubernetes"
    options = Options

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """One cluster per machine; the study's namespace in it is named like the study."""
        chosen = self.read_options(study.cluster_options)
        if (wanted := max(study.nodes)) > chosen.nodes:
            plural = "s" if wanted > 1 else ""
            msg = (
                f"study asks for {wanted} node{plural}, the local cluster has {chosen.nodes}: "
                f"lower `nodes`, or raise `cluster_options.nodes`"
            )
            raise StudyError(msg)
        _local_refusals.refuse(
            study,
            node_count=chosen.nodes,
            flux_operator=chosen.flux_operator,
            view_source=chosen.flux_view,
        )
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=study_id,
            nodes=chosen.nodes,
            expires_at=datetime.now(UTC) + timedelta(hours=study.ttl_hours),
            options=chosen.to_json(),
        )

    def preflight(self, reservation: Reservation) -> None:
        """Root, packages, programs, image, free ports, and no other study's cluster."""
        packages.require_root("the local cluster needs network namespaces and cgroups")
        packages.require()
        for program in binaries.PROGRAMS:
            binaries.binary(program)
        image.built()
        local_cluster.layout_of(state_root()).require_short()
        current = state.read(state_root())
        state.refuse_other_study(current, root=state_root(), study_id=reservation.study_id)
        owner.refuse_other(state_root())
        if current is None or not current.is_running():
            network.require_free_range()
            ports.require_free()

    def cannot_run(self, application: Application[Any]) -> str | None:
        """The nodes have the image that is made for them, and pull none."""
        if application.packages is not None:
            return None
        return (
            f"the local cluster's image has no {application.title}, and its nodes pull none; use a "
            "cluster that pulls your image, or the application `command` with what Debian has"
        )

    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """By each node's share of this machine, which has no devices to give; disk is not told."""
        offered = machine.for_pods(machine.this_machine(), node_count=reservation.nodes)
        asked = {k: v for k, v in pod_resources.items() if k in offered or "/" in k}
        return (fit.check(asked, offered, whose="a node"),)

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's program and its manifest."""
        return programs.check(controller, _program(reservation, controller))

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """As measured by `make bench`."""
        return PACE

    def create(self, reservation: Reservation, study: Study) -> None:
        """Start control plane and nodes, or adopt them when they run."""
        self.preflight(reservation)
        view = _view(reservation) if _launches_with_flux(study) else None
        names = _packages(study)
        if names:
            package_image.build(names, Progress(log.info))
        images = package_image.folder(names) / image_store.FOLDER if names else None
        if view:
            images = flux_view.store(view, Progress(log.info), package_names=names)
        local_cluster.create(reservation, root=state_root(), images=images)
        if view:
            flux_view.note(view, state_root())

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for all nodes to be Ready and for their name service."""
        current = local_cluster.wait_ready(root=state_root(), study_id=reservation.study_id)
        names = _packages(study)
        built = package_image.built(names) if names else image.built()
        cores = _local_refusals.cores_of(reservation.nodes)
        view = flux_view.noted(state_root())
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version=binaries.KUBERNETES_VERSION,
            instance_type=None,
            image=built.reference,
            image_digest=built.digest,
            image_pull_policy=PULL_POLICY,
            launcher_image=view.reference if view else None,
            launcher_image_digest=view.digest if view else None,
            worker_nodes=tuple(node.name for node in nodes(reservation.nodes)),
            notes=(
                *current.notes,
                *_crowded(study, cores=cores),
            ),
        )

    def connect(self, reservation: Reservation) -> Kube:
        """A client that may work in the study's namespace and look at the nodes.

        Starts again what of the cluster has died.
        """
        layout = local_cluster.layout_of(state_root())
        dead = local_cluster.revive(root=state_root(), study_id=reservation.study_id)
        for name in k8s_operators.available() if dead else ():
            controller = k8s_operators.load(name).controller
            if controller is not None and controllers.forget(
                controller, dead, root=state_root(), study_id=reservation.study_id
            ):
                self.install(reservation, controller)
        path = layout.kubeconfig(credentials.PIPELINE)
        return Kube.from_kubeconfig(path, namespace=reservation.namespace)

    parts = (*control_plane.ALL, cluster_dns.NAME, "node-1", "mpi-operator")
    drill = MappingProxyType({"nodes": 2})

    def process(self, part: str) -> HostProcess | None:
        """From what is stored of the cluster that runs."""
        current = state.read(state_root())
        return current.process(part) if current else None

    def health(
        self,
        reservation: Reservation,
        kube: Kube,
        controller: Controller | None,  # noqa: ARG002
    ) -> None:
        """Every part is a process of this machine."""
        health.require_whole(state_root(), study_id=reservation.study_id)
        kube.require_answer()

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Run the controller as a process of this machine."""
        program = _program(reservation, controller)
        controllers.install(
            controller,
            program=program.path,
            needs=tuple(programs.objects(controller, program)),
            root=state_root(),
            study_id=reservation.study_id,
        )
        return program.version

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Stop the controller and remove its definitions, role and namespace."""
        controllers.uninstall(controller, root=state_root(), study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Remove the study's cluster, running, half made or crashed; another study's stays."""
        local_cluster.delete(root=state_root(), study_id=reservation.study_id)

    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """Processes, namespaces, interfaces, cgroups and files of this study's cluster."""
        if os.geteuid() != 0:
            return ()  # without root none was made
        current = state.read(state_root())
        if current is not None and current.study_id != reservation.study_id:
            return ()
        return removal.leftovers(state_root())


def _program(reservation: Reservation, controller: Controller) -> Found:
    named = Options.model_validate(reservation.options).flux_operator
    program = programs.find(controller, named=named)
    if program is None:
        raise ClusterError(_local_refusals.no_program(controller))
    return program


def _launches_with_flux(study: Study) -> bool:
    return any(k8s_operators.load(name).launcher_image for name in study.operators)


def _packages(study: Study) -> tuple[str, ...]:
    """Debian's packages that the study's application needs beside what every image has."""
    return applications.load(study.application).packages or ()


def _view(reservation: Reservation) -> FluxView | None:
    return flux_view.at_hand(Options.model_validate(reservation.options).flux_view)


def _crowded(study: Study, *, cores: int) -> tuple[str, ...]:
    """A note for the reader when ranks share cores: a waiting MPI rank keeps its core busy."""
    if study.ranks_per_node <= cores:
        return ()
    plural = "s" if cores > 1 else ""
    note = (
        f"{study.ranks_per_node} ranks share a node's {cores} core{plural} and hinder each other: "
        f"the times tell of that, not of the operators"
    )
    return (note,)


ADAPTER = Local()
