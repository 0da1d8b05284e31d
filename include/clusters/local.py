"""A real Kubernetes cluster on this machine: its nodes are namespaces with a kubelet in each."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from include import k8s_operators
from include.clusters import Cluster
from include.embedded import (
    binaries,
    controllers,
    credentials,
    image,
    local_cluster,
    machine,
    network,
    packages,
    ports,
    removal,
    state,
)
from include.embedded.layout import MAX_NODES, nodes
from include.embedded.paths import state_root
from include.errors import StudyError
from include.kube import fit
from include.kube.client import Kube
from include.models import Binding, ClusterHandle, Model, MpiImplementation, Reservation
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.checks import Check
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
    hourly_price_usd: float | None = Field(default=None, ge=0)  # of one node, for the ledger


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
        _refuse_foreign_controllers(study)
        _refuse_foreign_image(study)
        _refuse_foreign_mpi(study)
        _refuse_more_ranks_than_cores(study, node_count=chosen.nodes)
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
        state.refuse_other_study(current, study_id=reservation.study_id)
        if current is None or not current.is_running():
            network.require_free_range()
            ports.require_free()

    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """By each node's share of this machine, which has no devices to give; disk is not told."""
        offered = machine.for_pods(machine.this_machine(), node_count=reservation.nodes)
        asked = {k: v for k, v in pod_resources.items() if k in offered or "/" in k}
        return (fit.check(asked, offered, whose="a node"),)

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """As measured by `make bench`."""
        return PACE

    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Start control plane and nodes, or adopt them when they run."""
        self.preflight(reservation)
        local_cluster.create(reservation, root=state_root())

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait for all nodes to be Ready and for their name service."""
        current = local_cluster.wait_ready(root=state_root(), study_id=reservation.study_id)
        built = image.built()
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version=binaries.KUBERNETES_VERSION,
            instance_type=None,
            image=built.reference,
            image_digest=built.digest,
            image_pull_policy=PULL_POLICY,
            worker_nodes=tuple(node.name for node in nodes(reservation.nodes)),
            notes=(*current.notes, *_crowded(study, cores=_cores(reservation.nodes))),
        )

    def connect(self, reservation: Reservation) -> Kube:
        """A client that may work in the study's namespace and look at the nodes."""
        layout = local_cluster.layout_of(state_root())
        state.require(state_root(), study_id=reservation.study_id)
        path = layout.kubeconfig(credentials.PIPELINE)
        return Kube.from_kubeconfig(path, namespace=reservation.namespace)

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Run the controller as a process of this machine."""
        return controllers.install(controller, root=state_root(), study_id=reservation.study_id)

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


def _refuse_foreign_controllers(study: Study) -> None:
    """StudyError for an operator whose controller is not built for this cluster."""
    for name in study.operators:
        controller = k8s_operators.load(name).controller
        if controller is not None and controller.name not in binaries.PROGRAMS:
            msg = (
                f"the local cluster has no {controller.name}, nor the images that it needs: use "
                f"cluster `simulated` or `existing`, or leave {name} out"
            )
            raise StudyError(msg)


def _refuse_foreign_image(study: Study) -> None:
    """StudyError for an image that the nodes do not have: they pull none."""
    if study.image is not None and study.image != (own := image.reference()):
        msg = (
            f"image {study.image}: the local cluster's nodes have {own} and pull none; leave "
            f"`image` out, or use cluster `existing`"
        )
        raise StudyError(msg)


def _refuse_foreign_mpi(study: Study) -> None:
    """StudyError for an MPI that the image's applications were not built for."""
    if study.mpi_implementation is not MpiImplementation.MPICH:
        msg = (
            f"mpi_implementation {study.mpi_implementation}: the applications of the local "
            f"cluster's own image are built for {MpiImplementation.MPICH}"
        )
        raise StudyError(msg)


def _refuse_more_ranks_than_cores(study: Study, *, node_count: int) -> None:
    """StudyError when ranks are to have a core each and a node has too few: MPI would give up."""
    if study.binding is not Binding.CORE:
        return
    cores = _cores(node_count)
    if study.ranks_per_node > cores:
        msg = (
            f"binding {study.binding}: {study.ranks_per_node} ranks on a node of {cores} "
            f"core{'s' if cores > 1 else ''}; lower `ranks_per_node`, or set `binding` to none"
        )
        raise StudyError(msg)


def _crowded(study: Study, *, cores: int) -> tuple[str, ...]:
    """What a reader must know when ranks take turns: MPI's waiting keeps a core from the others."""
    if study.ranks_per_node <= cores:
        return ()
    plural = "s" if cores > 1 else ""
    note = (
        f"{study.ranks_per_node} ranks share a node's {cores} core{plural} and hinder each other: "
        f"the times tell of that, not of the operators"
    )
    return (note,)


def _cores(node_count: int) -> int:
    return int(machine.for_pods(machine.this_machine(), node_count=node_count)["cpu"])


ADAPTER = Local()
