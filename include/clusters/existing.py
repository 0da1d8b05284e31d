"""A cluster run by somebody else: reached by a kubeconfig, used, and left as it was."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from include import waiting
from include.aws import staying
from include.aws.stack import guards_end_at
from include.aws.staying import NodeGroup
from include.checks import Findings, stops
from include.clusters import Cluster, _controllers, _nodes, _rights, _traces, _versions
from include.clusters._pulling import (
    make_namespace,
    named_digest,
    pull_secret,
    remove_pull_secret,
    require_namespace,
)
from include.errors import StudyError, TeardownError
from include.jobs import cleanup
from include.k8s_operators import LABEL_STUDY
from include.kube import image_pull, installation
from include.kube.client import Kube
from include.kube.kinds import NAMESPACE, NODE
from include.models import ClusterHandle, DnsLabel, Model, Placement, Reservation
from include.models.pod_resources import Amount
from include.project import cache_dir
from include.tariff import Pace, PaidNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.checks import Check
    from include.kube.kinds import Controller
    from include.models import Study

GONE_S = 180.0
PACE = Pace(
    create_s=1,
    install_s=30,
    uninstall_s=20,
    launch_s=15,
    between_s=10,
    delete_s=20,
    source="a guess: what an existing cluster takes depends on its machines",
)
POLL_S = 0.5


class Options(Model):
    """`cluster_options` of a study on an existing cluster."""

    kubeconfig: str | None = None  # None: the variable KUBECONFIG, or else ~/.kube/config
    context: str | None = None  # None: the kubeconfig's current one
    namespace: DnsLabel | None = None  # None: the study's own, deleted at the end
    launcher: Placement = Placement()
    worker: Placement = Placement()
    shared_memory: Amount | None = None  # size of /dev/shm in a rank's pod; None: 64 MiB
    node_group: NodeGroup | None = None  # EKS: a group scaled from zero for the study, and back
    hourly_price_usd: float | None = Field(default=None, ge=0)  # price of one node

    @property
    def workers(self) -> Placement:
        """Placement of workers."""
        return self.node_group.placement(self.worker) if self.node_group else self.worker


class Existing(Cluster[Options]):
    """Creates no cluster; deletes only what has the study's label."""

    name = "existing"
    title = "Existing cluster (kubeconfig)"
    options = Options

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The study's namespace and expiry; StudyError when no image is named."""
        options = self.read_options(study.cluster_options)
        if study.image is None:
            raise StudyError("image: the existing cluster needs one that carries the application")
        _versions.require_manifests(study)
        return Reservation(
            study_id=study_id,
            cluster=self.name,
            namespace=options.namespace or study_id,
            nodes=max(study.nodes),
            expires_at=datetime.now(UTC) + timedelta(hours=study.ttl_hours),
            options=study.cluster_options,
        )

    def preflight(self, reservation: Reservation) -> None:
        """Reach the cluster and count the nodes that workers may use."""
        kube = self.connect(reservation)
        options = self.options_of(reservation)
        if not self._has_own_namespace(reservation):
            require_namespace(kube, reservation.namespace)
        if options.node_group:
            staying.require_free(options.node_group, reservation)
            return
        _nodes.require(kube, options.worker, wanted=reservation.nodes)

    def examine(self, reservation: Reservation) -> Findings:
        """The nodes, and the rights of the credential."""
        findings = super().examine(reservation)
        if any(stops(check) for check in findings.checks):
            return findings
        kube, is_own = self.connect(reservation), self._has_own_namespace(reservation)
        rights = _rights.for_study(kube, namespace=reservation.namespace, is_own=is_own)
        return findings.model_copy(update={"checks": (*findings.checks, rights)})

    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """Check room for pods on the nodes that workers may use."""
        options = self.options_of(reservation)
        if options.node_group:  # its nodes are unknown until they exist
            return ()
        nodes = _nodes.usable(self.connect(reservation), options.worker)
        return (_nodes.room(nodes, pod_resources, wanted=reservation.nodes),)

    def cores_per_node(self, reservation: Reservation) -> int | None:
        """CPUs of the smallest node, counting threads, or physical cores of a node group's."""
        if group := self._group(reservation):
            return staying.cores(group)
        options = self.options_of(reservation)
        return _nodes.least_cpus(_nodes.usable(self.connect(reservation), options.worker))

    def launcher_check(self, reservation: Reservation) -> tuple[Check, ...]:
        """Check the nodes that launchers may use; those of a node group are not known yet."""
        options, kube = self.options_of(reservation), self.connect(reservation)
        if options.node_group:
            return ()
        return (_nodes.launcher(kube, options.launcher),)

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's manifest unless it is installed, and the rights to it and its jobs."""
        kube = self.connect(reservation)
        return _controllers.check(kube, controller, namespace=reservation.namespace)

    def exchange_check(self, reservation: Reservation, controller: Controller) -> tuple[Check, ...]:
        """The rights to end one version of a controller and run another."""
        return (_rights.for_versions(self.connect(reservation), controller),)

    def pace(self, reservation: Reservation) -> Pace:
        """One guess for every existing cluster, plus the time for machines that have to start."""
        return staying.PACE if self._group(reservation) else PACE

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """Nodes of the cluster that workers and launchers may use, and no others."""
        options, kube = self.options_of(reservation), self.connect(reservation)
        usable = {
            node["metadata"]["name"]
            for placement in (options.launcher, options.workers)
            for node in kube.list(NODE, selector=_nodes.selector_of(placement)).items
        }
        return tuple(node for node in super().paid_since(reservation) if node.name in usable)

    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Make the study's namespace unless the study names an existing one."""
        kube = self.connect(reservation)
        if self._has_own_namespace(reservation):
            make_namespace(kube, reservation)
        else:
            require_namespace(kube, reservation.namespace)
        if group := self._group(reservation):
            staying.guard(group, reservation)

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """Read the version and the nodes' type: the cluster itself is ready."""
        kube, options = self.connect(reservation), self.options_of(reservation)
        nodes = _nodes.usable(kube, options.workers)
        names = sorted(node["metadata"]["labels"].get(_HOST_NAME, "") for node in nodes)
        types = {node["metadata"]["labels"].get(_INSTANCE_TYPE) for node in nodes}
        image = study.image or ""
        return ClusterHandle(
            **reservation.model_dump(),
            kubernetes_version=kube.server_version(),
            instance_type=types.pop() if len(types) == 1 else None,
            image=image,
            image_digest=named_digest(image),
            image_pull_policy="IfNotPresent",
            image_pull_secret=pull_secret(kube, reservation, study),
            shared_memory=options.shared_memory,
            launcher=options.launcher,
            worker=options.workers,
            worker_nodes=tuple(names),
            notes=("the cluster is not the study's own: others may use its nodes meanwhile",),
        )

    def connect(self, reservation: Reservation) -> Kube:
        """A client for the kubeconfig and context that the study names."""
        options = self.options_of(reservation)
        return Kube.from_kubeconfig(
            _kubeconfig(options), context=options.context, namespace=reservation.namespace
        )

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Apply the upstream manifest, unless the controller is already installed."""
        kube, study_id = self.connect(reservation), reservation.study_id
        return installation.install(kube, controller, study_id=study_id, cache=cache_dir())

    def exchange(self, reservation: Reservation, controller: Controller) -> str:
        """Apply another version's manifest, or the same one anew."""
        kube, own = self.connect(reservation), reservation.study_id
        return installation.exchange(kube, controller, study_id=own, cache=cache_dir())

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Remove the controller if this study installed it; TeardownError while others use it."""
        _controllers.remove(self.connect(reservation), controller, study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Delete the study's objects, namespace and controllers; wait until all is gone.

        A cancelled run skips the uninstall of its phase, so controllers may still be there. They go
        last, as they may have to finish their jobs.
        """
        try:
            self._delete_objects(reservation)
        finally:  # machines cost money even if the cluster does not answer
            if group := self._group(reservation):
                staying.give_back(group, reservation)

    def _delete_objects(self, reservation: Reservation) -> None:
        kube = self.connect(reservation)
        cleanup.delete_study(kube, study_id=reservation.study_id)
        image_pull.remove(kube, reservation.study_id)
        remove_pull_secret(kube, reservation.study_id)
        if self._has_own_namespace(reservation):
            namespace = kube.get(NAMESPACE, reservation.namespace)
            labels = namespace["metadata"].get("labels", {}) if namespace else {}
            if labels.get(LABEL_STUDY) == reservation.study_id:
                kube.delete(NAMESPACE, reservation.namespace)
        for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
            if not _traces.of_jobs(kube, reservation.study_id):
                break
        else:
            left = ", ".join(self.leftovers(reservation))
            raise TeardownError(f"still there after {GONE_S:.0f} s: {left}")
        _controllers.remove_all(kube, study_id=reservation.study_id)

    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """The study's pods, its namespace, and everything it installed."""
        kube = self.connect(reservation)
        return (
            *_traces.of_jobs(kube, reservation.study_id),
            *_traces.of_controllers(kube, reservation.study_id),
            *(staying.left(group, reservation) if (group := self._group(reservation)) else ()),
        )

    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Scale the study's node group from zero; all other nodes are already there."""
        group = self._group(handle)
        if group is None:
            return handle
        staying.keep(group, handle)
        kube, place = self.connect(handle), handle.worker
        names = staying.add(group, kube, count=handle.nodes, place=place)
        return handle.model_copy(update={"worker_nodes": names})

    def gives_nodes_back(self, reservation: Reservation) -> bool:
        """True for a study's node group, the only one it may scale."""
        return self._group(reservation) is not None

    def keep_workers(self, handle: ClusterHandle, names: tuple[str, ...]) -> None:
        """End the machines of the node group's other workers at once."""
        if group := self._group(handle):
            staying.keep_workers(group, self.connect(handle), handle.worker_nodes, kept=names)

    def keep(self, reservation: Reservation) -> None:
        """Extend the lease of the node group."""
        if group := self._group(reservation):
            staying.keep(group, reservation)

    def ends_at(self, reservation: Reservation) -> datetime | None:
        """Instant from which the guard keeps a node group at zero."""
        return guards_end_at(reservation) if self._group(reservation) else None

    def _group(self, reservation: Reservation) -> NodeGroup | None:
        return self.options_of(reservation).node_group

    def _has_own_namespace(self, reservation: Reservation) -> bool:
        return self.options_of(reservation).namespace is None


_HOST_NAME, _INSTANCE_TYPE = "kubernetes.io/hostname", "node.kubernetes.io/instance-type"


def _kubeconfig(options: Options) -> Path:
    """The study's file, or else kubectl's."""
    given = options.kubeconfig or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(given or "~/.kube/config").expanduser()


ADAPTER = Existing()
