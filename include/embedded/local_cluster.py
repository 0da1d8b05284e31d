"""The real local cluster: control plane, bridge, name service and nodes, made and adopted."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from include.embedded import (
    access,
    cgroups,
    cluster_dns,
    control_plane,
    credentials,
    health,
    image,
    image_store,
    machine,
    network,
    node,
    owner,
    processes,
    removal,
    state,
)
from include.embedded.layout import BRIDGE_ADDRESS, Layout, nodes
from include.embedded.state import ClusterState
from include.kube.client import Kube
from include.kube.conditions import is_ready
from include.kube.guarded import GuardedKube
from include.kube.kinds import NODE

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.processes import HostProcess
    from include.models import Reservation

log = logging.getLogger(__name__)
READY_LIMIT_S = 120.0


class Builder:
    """Starts one cluster, keeping the state file correct at every step."""

    def __init__(self, layout: Layout, current: ClusterState) -> None:
        self.layout = layout
        self.state = current
        state.write(layout, self.state)
        cgroups.create(cgroups.HOST_GROUP)

    def started(self, process: HostProcess) -> None:
        """Record a process, also on disk, and put it into the project's cgroup."""
        self.state = self.state.with_process(process)
        state.write(self.layout, self.state)

    def started_on_host(self, process: HostProcess) -> None:
        """Record a process that is not a node."""
        cgroups.join(cgroups.HOST_GROUP, process.pid)
        self.started(process)

    def control_plane_ready(self, seconds: float) -> None:
        """Record how long the control plane took."""
        log.info("control plane ready after %.1f s", seconds)
        self.state = self.state.model_copy(update={"control_plane_s": seconds})

    def complete(self) -> None:
        """Record that nothing is missing."""
        self.state = self.state.model_copy(update={"is_complete": True})
        state.write(self.layout, self.state)


def layout_of(root: Path) -> Layout:
    """Paths of the real local cluster."""
    return Layout(root=root, api_address=BRIDGE_ADDRESS)


def create(reservation: Reservation, *, root: Path, images: Path | None = None) -> None:
    """Start the study's cluster, or adopt it if it runs.

    `images` is the containerd folder that the nodes start from; None: the application's.

    An incomplete cluster, or one with a dead process, is removed and made again. ClusterError
    when another study's cluster runs here, or when a component cannot be started; the caller must
    run `removal.delete` in any case, which removes what was made so far.
    """
    layout = layout_of(root)
    layout.require_short()
    with owner.locked(), state.locked(root):
        current = state.read(root)
        state.refuse_other_study(current, root=root, study_id=reservation.study_id)
        if current is not None and current.is_complete and not current.dead():
            log.info("adopting the running cluster of study %s", current.study_id)
            return
        owner.refuse_other(root)
        removal.remove_everything(root)
        owner.claim(root)
        _create(layout, reservation, images=images or image.folder() / image_store.FOLDER)


def _create(layout: Layout, reservation: Reservation, *, images: Path) -> None:
    notes = describe(reservation.nodes)
    new = ClusterState.of(reservation, api_address=layout.api_address, notes=notes)
    builder = Builder(layout, new)
    started = time.monotonic()
    credentials.create_all(layout)
    network.create_bridge(node_count=reservation.nodes)
    with ThreadPoolExecutor(max_workers=4) as pool:
        prepared = pool.submit(_prepare_nodes, layout, reservation.nodes, images=images)
        control_plane.start(layout, builder.started_on_host)
        builder.control_plane_ready(time.monotonic() - started)
        prepared.result()
    for member in nodes(reservation.nodes):
        builder.started(node.start(layout, member))
    apply(layout, (*access.for_cluster(), *access.for_study(reservation.namespace)))
    builder.started_on_host(cluster_dns.start(layout))
    builder.complete()


def revive(*, root: Path, study_id: str) -> frozenset[str]:
    """Restart the dead parts of the study's cluster; returns their names.

    Controllers are not included: whoever installed them knows their programs. ClusterError when
    there is no such cluster, when all of it is gone, or when a part does not start.
    """
    current = state.require(root, study_id=study_id)
    if not current.is_complete or not current.dead():
        return frozenset()
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        dead = health.dead_names(current)
        if not current.is_running():
            health.require_whole(root, study_id=study_id)
        if dead:
            again = health.to_start_again(current)
            processes.kill(again)  # those that are stopped, or live
            names = frozenset(part.name for part in again)
            log.warning("starting %s of the local cluster again", " and ".join(sorted(names)))
            _revive(current, names, root=root)
    return dead


def _revive(current: ClusterState, dead: frozenset[str], *, root: Path) -> None:
    layout = layout_of(root)
    builder = Builder(layout, current)
    control_plane.start(layout, builder.started_on_host, only=dead)
    if cluster_dns.NAME in dead:
        builder.started_on_host(cluster_dns.start(layout))
    for member in nodes(current.nodes):
        if member.name in dead:  # its first process took everything on it along
            builder.started(node.start(layout, member))
    wait_ready(root=root, study_id=current.study_id)


def _prepare_nodes(layout: Layout, count: int, *, images: Path) -> None:
    built = image.built()
    shares = machine.divide(machine.this_machine(), node_count=count)
    for member, share in zip(nodes(count), shares, strict=True):
        network.plug_in_node(member, node_count=count)
        node.prepare(
            layout,
            member,
            share,
            pause_image=built.pause_reference,
            images=images,
        )


def describe(node_count: int) -> tuple[str, ...]:
    """Notes on such a cluster for the report."""
    split = machine.describe(machine.this_machine(), node_count=node_count)
    one_machine = (
        f"the {node_count} nodes are namespaces of one machine: they share its memory, disk, "
        f"caches and kernel, and the network between them is a software bridge"
    )
    return (one_machine, f"{split}; control plane and pipeline run on the same cores")


def admin(layout: Layout, *, namespace: str) -> Kube:
    """A client with all rights; for making the cluster, never for the pipeline.

    A dead database or API server ends its requests at once by PartDied.
    """
    kube = Kube.from_kubeconfig(layout.kubeconfig(credentials.ADMIN), namespace=namespace)
    return GuardedKube(kube, partial(health.require_served, layout.root))


def apply(layout: Layout, objects: tuple[dict[str, Any], ...]) -> None:
    """Create or change objects as the administrator."""
    kube = admin(layout, namespace="default")
    for obj in objects:
        namespace = obj["metadata"].get("namespace", "default")
        kube.in_namespace(namespace).apply(obj)
    kube.close()


def wait_ready(*, root: Path, study_id: str) -> ClusterState:
    """Wait until all nodes are Ready and DNS answers; returns the cluster's state.

    ClusterError naming what is not ready, or the process that died with the end of its log.
    """
    current = state.require(root, study_id=study_id)
    layout = layout_of(root)
    kube = admin(layout, namespace="default")
    processes.wait_for(
        f"the {current.nodes} nodes and their name service",
        lambda: len(ready_nodes(kube)) == current.nodes and cluster_dns.is_ready(),
        needs=current.processes,
        timeout_s=READY_LIMIT_S,
    )
    kube.close()
    return current


def ready_nodes(kube: Kube) -> tuple[str, ...]:
    """Names of the nodes that are Ready and not tainted: pods can be scheduled there now."""
    return tuple(
        each["metadata"]["name"]
        for each in kube.list(NODE).items
        if not each["spec"].get("taints") and is_ready(each)
    )


def delete(*, root: Path, study_id: str) -> None:
    """Remove the study's cluster and verify that nothing is left; harmless when repeated.

    Another study's running cluster is left alone. TeardownError naming what remains.
    """
    with owner.locked():
        state.end(
            root, study_id=study_id, remove=removal.remove_everything, leftovers=removal.leftovers
        )
