"""A cluster that somebody else runs: reached by a kubeconfig, used, and left as it was."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.utils.quantity import parse_quantity
from pydantic import Field

from include import waiting
from include.aws import staying
from include.aws.staying import NodeGroup
from include.checks import passed
from include.clusters import Cluster, _controllers, _nodes
from include.clusters._nodes import selector_of
from include.clusters._pulling import make_namespace, named_digest, pull_secret, remove_pull_secret
from include.errors import ClusterError, StudyError, TeardownError
from include.jobs import cleanup
from include.k8s_operators import LABEL_STUDY
from include.kube import image_pull, installation
from include.kube.client import Kube
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, NODE, POD
from include.models import ClusterHandle, DnsLabel, Model, Placement, Reservation
from include.models.pod_resources import Amount
from include.project import cache_dir
from include.tariff import Pace, PaidNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.checks import Check
    from include.kube.client import Listing
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
SHOWN = 5  # number of unusable nodes that are named


class Options(Model):
    """`cluster_options` of a study on an existing cluster."""

    kubeconfig: str | None = None  # None: the variable KUBECONFIG, else ~/.kube/config
    context: str | None = None  # None: the kubeconfig's current one
    namespace: DnsLabel | None = None  # None: one of the study's own, deleted at the end
    launcher: Placement = Placement()
    worker: Placement = Placement()
    shared_memory: Amount | None = None  # size of /dev/shm in a rank's pod; None: 64 MiB
    node_group: NodeGroup | None = None  # on EKS: scaled from none for the study, and back
    hourly_price_usd: float | None = Field(default=None, ge=0)  # price of one node

    @property
    def workers(self) -> Placement:
        """Where workers run."""
        return self.node_group.placement(self.worker) if self.node_group else self.worker


class Existing(Cluster[Options]):
    """Creates no cluster; deletes only what carries the study's label."""

    name = "existing"
    title = "Existing cluster (kubeconfig)"
    options = Options

    def reserve(self, study: Study, *, study_id: str) -> Reservation:
        """The study's namespace and expiry; StudyError when no image is named."""
        options = self.read_options(study.cluster_options)
        if study.image is None:
            raise StudyError("image: the existing cluster needs one that carries the application")
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
        options = self.read_options(reservation.options)
        if options.node_group:
            staying.require_free(options.node_group, reservation)
            return
        usable = _nodes.usable(kube, options.worker)
        if len(usable) < reservation.nodes:
            msg = (
                f"the study asks for {reservation.nodes} nodes, the cluster has {len(usable)} that "
                f"workers may use{_named(options.worker)}: ask for fewer or add nodes"
            )
            if others := _nodes.unusable(kube, options.worker):
                more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
                msg += f" ({'; '.join(others[:SHOWN])}{more})"
            raise ClusterError(msg)

    def room(self, reservation: Reservation, pod_resources: Mapping[str, str]) -> tuple[Check, ...]:
        """By what the nodes that workers may use have for pods."""
        options = self.read_options(reservation.options)
        if options.node_group:  # nobody knows its nodes before they are there
            return ()
        nodes = _nodes.usable(self.connect(reservation), options.worker)
        return (_nodes.room(nodes, pod_resources, wanted=reservation.nodes),)

    def cores_per_node(self, reservation: Reservation) -> int | None:
        """The CPUs of the smallest node that workers may use; threads of one core count each."""
        options = Options.model_validate(reservation.options)
        nodes = _nodes.usable(self.connect(reservation), options.worker)
        return min((_cpus(node) for node in nodes), default=None)

    def controller_check(
        self, reservation: Reservation, controller: Controller
    ) -> tuple[Check, ...]:
        """The controller's manifest, unless somebody has installed the controller."""
        if self.connect(reservation).get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name):
            return (passed(controller.name, "installed on the cluster"),)
        return (installation.manifest_check(controller, cache=cache_dir()),)

    def pace(self, reservation: Reservation) -> Pace:  # noqa: ARG002
        """The same for all of them."""
        return PACE

    def paid_since(self, reservation: Reservation) -> tuple[PaidNode, ...]:
        """Of somebody's cluster the nodes that workers and launchers may use, and no others."""
        options = self.read_options(reservation.options)
        kube = self.connect(reservation)
        usable = {
            node["metadata"]["name"]
            for placement in (options.launcher, options.workers)
            for node in kube.list(NODE, selector=selector_of(placement)).items
        }
        return tuple(node for node in super().paid_since(reservation) if node.name in usable)

    def create(self, reservation: Reservation, study: Study) -> None:  # noqa: ARG002
        """Make the study's namespace unless it was told to use one."""
        kube = self.connect(reservation)
        if _own_namespace(reservation):
            make_namespace(kube, reservation)
        elif kube.get(NAMESPACE, reservation.namespace) is None:
            msg = f"there is no namespace {reservation.namespace}: make it, or name none"
            raise ClusterError(msg)
        if group := self._group(reservation):
            staying.guard(group, reservation)

    def wait_ready(self, reservation: Reservation, study: Study) -> ClusterHandle:
        """The cluster is ready as it is; this reads its version and the kind of its nodes."""
        kube = self.connect(reservation)
        options = self.read_options(reservation.options)
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
        options = self.read_options(reservation.options)
        return Kube.from_kubeconfig(
            _kubeconfig(options), context=options.context, namespace=reservation.namespace
        )

    def install(self, reservation: Reservation, controller: Controller) -> str:
        """Apply the upstream manifest, unless somebody has installed the controller already."""
        kube = self.connect(reservation)
        return installation.install(
            kube, controller, study_id=reservation.study_id, cache=cache_dir()
        )

    def uninstall(self, reservation: Reservation, controller: Controller) -> None:
        """Remove the controller if this study installed it; TeardownError while others use it."""
        kube = self.connect(reservation)
        _controllers.remove(kube, controller, study_id=reservation.study_id)

    def delete(self, reservation: Reservation) -> None:
        """Delete the study's objects, its namespace and its controllers; wait until all is gone.

        A run that is cancelled skips the uninstall of its phase, so controllers may still be there.
        They go last: they may have to end their jobs.
        """
        try:
            self._delete_objects(reservation)
        finally:  # machines cost money whether or not the cluster answers
            if group := self._group(reservation):
                staying.give_back(group, reservation)

    def _delete_objects(self, reservation: Reservation) -> None:
        kube = self.connect(reservation)
        cleanup.delete_study(kube, study_id=reservation.study_id)
        image_pull.remove(kube, reservation.study_id)
        remove_pull_secret(kube, reservation.study_id)
        if _own_namespace(reservation):
            namespace = kube.get(NAMESPACE, reservation.namespace)
            if namespace and _study(namespace) == reservation.study_id:
                kube.delete(NAMESPACE, reservation.namespace)
        for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
            if not _jobs(kube, reservation.study_id):
                break
        else:
            left = ", ".join(self.leftovers(reservation))
            raise TeardownError(f"still there after {GONE_S:.0f} s: {left}")
        _controllers.remove_all(kube, study_id=reservation.study_id)

    def leftovers(self, reservation: Reservation) -> tuple[str, ...]:
        """The study's pods, its namespace, and what it installed."""
        kube = self.connect(reservation)
        installed = f"{installation.OWNER_LABEL}={reservation.study_id}"
        return (
            *_jobs(kube, reservation.study_id),
            *_names("namespace", kube.list(NAMESPACE, selector=installed)),
            *_names("definition", kube.list(CUSTOM_RESOURCE_DEFINITION, selector=installed)),
            *(staying.left(group, reservation) if (group := self._group(reservation)) else ()),
        )

    def add_workers(self, handle: ClusterHandle) -> ClusterHandle:
        """Scale the node group from none, where the study has one; all others are there."""
        group = self._group(handle)
        if group is None:
            return handle
        staying.keep(group, handle, work_s=0)
        kube, place = self.connect(handle), handle.worker
        names = staying.add(group, kube, count=handle.nodes, place=place)
        return handle.model_copy(update={"worker_nodes": names})

    def keep(self, reservation: Reservation, *, work_s: float) -> None:
        """Move the lease of the node group on."""
        if group := self._group(reservation):
            staying.keep(group, reservation, work_s=work_s)

    def _group(self, reservation: Reservation) -> NodeGroup | None:
        return self.read_options(reservation.options).node_group


_HOST_NAME = "kubernetes.io/hostname"
_INSTANCE_TYPE = "node.kubernetes.io/instance-type"


def _kubeconfig(options: Options) -> Path:
    """The file that the study names, else what kubectl would use."""
    given = options.kubeconfig or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(given or "~/.kube/config").expanduser()


def _own_namespace(reservation: Reservation) -> bool:
    return Options.model_validate(reservation.options).namespace is None


def _named(placement: Placement) -> str:
    return f" (labels {selector_of(placement)})" if placement.node_selector else ""


def _study(obj: dict[str, Any]) -> str | None:
    owner: str | None = obj["metadata"].get("labels", {}).get(LABEL_STUDY)
    return owner


def _jobs(kube: Kube, study_id: str) -> tuple[str, ...]:
    """The study's pods and its namespace."""
    selector = f"{LABEL_STUDY}={study_id}"
    return (
        *_names("pod", kube.list(POD, selector=selector)),
        *_names("pod", kube.list(POD, selector=f"{image_pull.LABEL}={study_id}")),
        *_names("namespace", kube.list(NAMESPACE, selector=selector)),
    )


def _names(kind: str, listing: Listing) -> list[str]:
    return [f"{kind}/{obj['metadata']['name']}" for obj in listing.items]


def _cpus(node: dict[str, Any]) -> int:
    return int(parse_quantity(node["status"]["capacity"]["cpu"]))


ADAPTER = Existing()
