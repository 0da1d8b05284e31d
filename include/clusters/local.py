"""A real Kubernetes cluster on this machine: its nodes are namespaces, each with a kubelet."""

from __future__ import annotations

import logging
import os
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from include import applications, k8s_operators
from include.clusters import _local_refusals
from include.clusters._on_this_machine import OnThisMachine
from include.embedded import (
    binaries,
    cluster_dns,
    control_plane,
    controllers,
    credentials,
    flux_view,
    image,
    image_store,
    leading,
    local_cluster,
    machine,
    network,
    owner,
    package_image,
    packages,
    ports,
    programs,
    removal,
    revival,
    state,
)
from include.embedded.layout import MAX_NODES, nodes
from include.embedded.paths import state_root
from include.embedded.progress import Progress
from include.errors import ClusterError, StudyError
from include.jobs import controllers as needed
from include.kube import fit
from include.kube.client import Kube
from include.models import ClusterHandle, Model, Reservation
from include.tariff import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.applications import Application
    from include.checks import Check
    from include.embedded.flux_view import FluxView
    from include.embedded.layout import Layout
    from include.embedded.programs import Located
    from include.kube.kinds import Controller
    from include.models import Study

log = logging.getLogger(__name__)
PULL_POLICY = "Never"  # the nodes have the image; no registry does
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
    flux_operator: str | None = None  # path of the controller's program; None: search PATH
    flux_view: str | None = None  # archive, prefix or reference; None: the one fetched last


class Local(OnThisMachine[Options]):
    """etcd, API server and so on as processes, and real nodes in namespaces. Needs root."""

    name = "local"
    title = "Local Kubernetes"
    options = Options
    pulls_images = False

    @property
    def root(self) -> Path:
        """The state folder, one per machine for root."""
        return state_root()

    @property
    def layout(self) -> Layout:
        """Paths and addresses of the cluster on the project's bridge."""
        return local_cluster.layout_of(self.root)

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The machine's only cluster, with a namespace named after the study."""
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
        return self._reservation(study, study_id=study_id, nodes=chosen.nodes, options=chosen)

    def preflight(self, reservation: Reservation) -> None:
        """Check root, packages, programs, image, ports, and that no other study has a cluster."""
        packages.require_root("the local cluster needs network namespaces and cgroups")
        packages.require()
        for program in binaries.PROGRAMS:
            binaries.binary(program)
        image.built()
        self.layout.require_short()
        self.require_turn(reservation)
        current = state.read(self.root)
        if current is None or not current.is_running():
            network.require_free_range()
            ports.require_free()

    def require_turn(self, reservation: Reservation) -> None:
        """Allow one study at a time on this machine, whichever state folder it uses."""
        current = state.read(self.root)
        state.refuse_other_study(current, root=self.root, study_id=reservation.study_id)
        owner.refuse_other(self.root)

    def cannot_run(self, application: Application[Any]) -> str | None:
        """Reason: the nodes have their own image and pull none."""
        if application.packages is not None:
            return None
        return (
            f"the local cluster's image has no {application.title}, and its nodes pull none; use "
            "a cluster that pulls your image, or the application `command` with a program of any "
            "Debian"
        )

    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """Check room for pods in each node's share of this machine: no devices, disk unknown."""
        offered = machine.for_pods(machine.this_machine(), node_count=reservation.nodes)
        asked = {k: v for k, v in pod_resources.items() if k in offered or "/" in k}
        return (fit.check(asked, offered, whose="a node"),)

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's program and its manifest."""
        return programs.check(controller, self._find(reservation, controller))

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """Pace as measured by `make bench`."""
        return PACE

    def create(self, reservation: Reservation, study: Study) -> None:
        """Start control plane and nodes, or adopt running ones."""
        self.preflight(reservation)
        view = self._view(reservation) if _launches_with_flux(study) else None
        names = _packages(study)
        if names:
            package_image.build(names, Progress(log.info))
        wanted = needed.of_study(study, study.operators)
        programs.build(wanted, Progress(log.info))
        images = package_image.folder(names) / image_store.FOLDER if names else None
        if view:
            images = flux_view.store(view, Progress(log.info), package_names=names)
        local_cluster.create(reservation, root=self.root, images=images)
        if view:
            flux_view.note(view, self.root)

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Wait until all nodes are Ready and DNS answers."""
        current = local_cluster.wait_ready(root=self.root, study_id=reservation.study_id)
        names = _packages(study)
        built = package_image.built(names) if names else image.built()
        cores = _local_refusals.cores_of(reservation.nodes)
        view = flux_view.noted(self.root)
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
        """A client with rights in the study's namespace, and to read nodes.

        Restarts dead parts of the cluster.
        """
        start = partial(self._revive, reservation)
        revival.revive(start, root=self.root, study_id=reservation.study_id)
        path = self.layout.kubeconfig(credentials.PIPELINE)
        return Kube.from_kubeconfig(path, namespace=reservation.namespace)

    def _revive(self, reservation: Reservation, missed: frozenset[str]) -> None:
        where: dict[str, Any] = {"root": self.root, "study_id": reservation.study_id}
        dead = missed | local_cluster.revive(**where)
        for controller in k8s_operators.known_controllers():
            if controllers.forget(controller, dead, **where):
                self.install(reservation, controller)

    parts = (*control_plane.ALL, cluster_dns.NAME, "node-1", "mpi-operator")
    drill = MappingProxyType({"nodes": 2})

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Run the controller as a process of this machine."""
        program = self._find(reservation, controller)
        if program is None:
            raise ClusterError(_local_refusals.no_program(controller))
        controllers.install(
            controller,
            program=program.path,
            needs=tuple(programs.objects(controller, program)),
            root=self.root,
            study_id=reservation.study_id,
        )
        return program.version

    def exchange(self, reservation: Reservation, controller: Controller) -> str:
        """Start another version's process, or the same one anew."""
        controllers.stop(controller, root=self.root, study_id=reservation.study_id)
        version = self.install(reservation, controller)
        leading.wait(controller, self.layout)
        return version

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Stop the controller and remove its definitions, role and namespace."""
        controllers.uninstall(controller, root=self.root, study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Remove the study's cluster in any state, even incomplete or crashed; others' stay."""
        local_cluster.delete(root=self.root, study_id=reservation.study_id)

    def _left(self) -> tuple[str, ...]:
        """Processes, namespaces, interfaces, cgroups and files; without root none was made."""
        return removal.leftovers(self.root) if os.geteuid() == 0 else ()

    def _find(self, reservation: Reservation, controller: Controller) -> Located | None:
        return programs.find(controller, named=self.options_of(reservation).flux_operator)

    def _view(self, reservation: Reservation) -> FluxView | None:
        return flux_view.at_hand(self.options_of(reservation).flux_view)


def _launches_with_flux(study: Study) -> bool:
    return any(k8s_operators.load(name).launcher_image for name in study.operators)


def _packages(study: Study) -> tuple[str, ...]:
    """Debian packages that the study's application needs besides those in every image."""
    return applications.load(study.application).packages or ()


def _crowded(study: Study, *, cores: int) -> tuple[str, ...]:
    """A note for when ranks share cores: a waiting MPI rank keeps its core busy."""
    if study.ranks_per_node <= cores:
        return ()
    plural = "s" if cores > 1 else ""
    note = (
        f"{study.ranks_per_node} ranks share a node's {cores} core{plural} and hinder each other: "
        f"the times tell of that, not of the operators"
    )
    return (note,)


ADAPTER = Local()
