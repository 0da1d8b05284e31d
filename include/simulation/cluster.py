"""The simulated cluster: a real control plane on loopback, KWOK's nodes, played applications."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include import k8s_operators
from include.embedded import (
    control_plane,
    credentials,
    health,
    processes,
    revival,
    simulated_removal,
    state,
)
from include.embedded.access import for_study
from include.embedded.binaries import binary
from include.embedded.certificates import Authority, Identity
from include.embedded.credentials import Trust
from include.embedded.layout import LOOPBACK
from include.embedded.local_cluster import admin, apply
from include.embedded.state import ClusterState
from include.errors import ClusterError
from include.kube.conditions import is_ready
from include.kube.kinds import LEASE, NODE
from include.project import ROOT
from include.simulation import access, controllers, gates, nodes, settings, stages

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.models import Reservation, Study
    from include.simulation.settings import Simulation

log = logging.getLogger(__name__)
READY_LIMIT_S = 120.0
KWOK, PLAYER = "kwok", "simulated-applications"
PLAYER_MODULE = "include.simulation.player"


class Builder:
    """Starts one cluster, keeping the state file correct at every step."""

    def __init__(self, layout: Layout, current: ClusterState) -> None:
        self.layout = layout
        self.state = current
        state.write(layout, self.state)

    def started(self, process: HostProcess) -> None:
        """Record a process, also on disk."""
        self.state = self.state.with_process(process)
        state.write(self.layout, self.state)

    def complete(self) -> None:
        """Record that nothing is missing."""
        self.state = self.state.model_copy(update={"is_complete": True})
        state.write(self.layout, self.state)


def create(reservation: Reservation, study: Study, *, root: Path) -> None:
    """Start the study's cluster, or adopt a running one; an incomplete one is made again.

    ClusterError when another study's simulated cluster runs in this folder, or when a component
    cannot be started.
    """
    with state.locked(root):
        current = state.read(root)
        state.refuse_other_study(current, root=root, study_id=reservation.study_id)
        if current is not None and current.is_complete and not current.dead():
            log.info("adopting the running simulated cluster of study %s", current.study_id)
            return
        simulated_removal.remove(root)
        _create(reservation, study, root=root)


def _create(reservation: Reservation, study: Study, *, root: Path) -> None:
    simulation = settings.draw(
        study_id=reservation.study_id, namespace=reservation.namespace, study=study
    )
    simulation.store(root)
    layout = simulation.layout(root)
    new = ClusterState.of(reservation, api_address=layout.api_address, notes=notes(simulation))
    builder = Builder(layout, new)
    started = time.monotonic()
    credentials.create_all(layout)
    _issue_log_server(layout)
    control_plane.start(layout, builder.started)
    log.info("simulated: control plane ready after %.1f s", time.monotonic() - started)
    apply(layout, (stages.definition(),))
    apply(layout, (*for_study(reservation.namespace), *access.objects(reservation.namespace)))
    _wait_for_stages(layout)
    apply(layout, tuple(stages.of(simulation)))
    if simulation.options.schedule_s:
        apply(layout, gates.objects())
    _start_nodes(layout, simulation, builder)
    kube = admin(layout, namespace="default")
    nodes.create(kube, simulation.options.nodes)
    kube.close()
    builder.complete()


def revive(*, root: Path, study_id: str) -> None:
    """Restart the dead parts of the study's cluster with their data.

    That is all of it after a restart of its container or machine. The objects are still in its
    database; a point that was running is played again from its beginning. ClusterError when
    there is no such cluster, or when it does not start.
    """
    where: dict[str, Any] = {"root": root, "study_id": study_id}
    revival.revive(lambda dead: _revive_all(dead, **where), **where)


def _revive_all(missed: frozenset[str], *, root: Path, study_id: str) -> None:
    """Start what is dead now; controllers may have lost touch with the parts `missed` meanwhile."""
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        dead = health.dead_names(current)
        if dead:
            again = health.to_start_again(current)
            processes.kill(again)  # some are only stopped, or still live
            names = frozenset(part.name for part in again)
            log.warning("starting %s of the simulated cluster again", " and ".join(sorted(names)))
            _revive(current, names, root=root)
    _revive_controllers(current, dead | missed, root=root)


def _revive(current: ClusterState, dead: frozenset[str], *, root: Path) -> None:
    simulation = settings.read(root)
    layout = simulation.layout(root)
    builder = Builder(layout, current)
    control_plane.start(layout, builder.started, only=dead)
    if KWOK in dead:
        _drop_leases(layout, namespace="kube-node-lease")
        builder.started(_start_kwok(layout))
    if PLAYER in dead:
        builder.started(_start_player(layout))


def keep_workers(*, root: Path, study_id: str, names: tuple[str, ...]) -> None:
    """Delete the nodes of all workers except these; ClusterError when one remains."""
    state.require(root, study_id=study_id)
    kube = admin(settings.read(root).layout(root), namespace="default")
    try:
        nodes.keep(kube, names)
    except ApiException as err:
        raise ClusterError(f"simulated nodes cannot be deleted: {err.reason}") from err
    finally:
        kube.close()


def _revive_controllers(current: ClusterState, dead: frozenset[str], *, root: Path) -> None:
    """Restart controllers that died, and those that could not reach the API server for a while.

    The latter may give up their lead, and so end, seconds later.
    """
    for controller in k8s_operators.known_controllers():
        running = current.process(controller.name)
        if running is None:
            continue
        if controller.name in dead or health.lost_touch(dead):
            processes.stop((running,))
            _drop_leases(settings.read(root).layout(root), namespace=controller.namespace)
            controllers.install(controller, root=root, study_id=current.study_id)


def _drop_leases(layout: Layout, *, namespace: str) -> None:
    """Delete the leases of ended processes, whose expiry their successors would wait for."""
    kube = admin(layout, namespace=namespace)
    kube.delete_all(LEASE, selector="")
    kube.close()


def _start_nodes(layout: Layout, simulation: Simulation, builder: Builder) -> None:
    """Start the processes that play the nodes, and the applications on them."""
    builder.started(_start_kwok(layout))
    if simulation.options.plays:
        builder.started(_start_player(layout))


def notes(simulation: Simulation) -> tuple[str, ...]:
    """Notes on such a cluster for the report."""
    scale = simulation.options.time_scale
    simulated = (
        "SIMULATED: no application ran. Nodes are KWOK's, application logs and the times in them "
        "are drawn around the medians of run 6 (SYNTHETIC); control plane, scheduler and "
        "controllers are real, and what they took is a measurement of them"
    )
    shortened = (
        f"simulated waiting is shortened to {scale:g} of what was drawn: the application's "
        f"own times, launcher_time_s and broker_time_s are as drawn, instants and phases shortened"
    )
    return (simulated,) if scale == 1 else (simulated, shortened)


def _wait_for_stages(layout: Layout) -> None:
    kube = admin(layout, namespace="default")

    def is_served() -> bool:
        try:
            kube.list(stages.KIND)
        except ApiException:  # not served yet
            return False
        return True

    processes.wait_for("the definition of KWOK's stages", is_served, timeout_s=30.0)
    kube.close()


def _start_kwok(layout: Layout) -> HostProcess:
    return processes.start(
        KWOK,
        (
            binary("kwok"),
            f"--kubeconfig={credentials.issue_controller(layout, access.KWOK)}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            "--enable-crds=Stage",
            "--node-lease-duration-seconds=40",
            f"--node-ip={LOOPBACK}",  # no --node-port: it would itself listen there
        ),
        log_file=layout.logs / "kwok.log",
    )


def _issue_log_server(layout: Layout) -> None:
    """Issue the certificate with which the player serves logs, like a kubelet."""
    serving = Identity(
        user="simulated-kubelet", addresses=(LOOPBACK,), is_server=True, is_client=False
    )
    Authority.load(Trust(pki=layout.pki).authority).issue(
        serving, folder=layout.pki, name="simulated-kubelet"
    )


def _start_player(layout: Layout) -> HostProcess:
    """The process that plays the applications and serves their logs to the API server."""
    credentials.issue_controller(layout, access.PLAYER)
    return processes.start(
        PLAYER,
        (sys.executable, "-m", PLAYER_MODULE, f"--state={layout.root}/"),
        log_file=layout.logs / "simulated-applications.log",
        environment={"PYTHONPATH": str(ROOT)},
    )


def wait_ready(*, root: Path, study_id: str) -> ClusterState:
    """Wait until all nodes are Ready; ClusterError naming the process that died."""
    current = state.require(root, study_id=study_id)
    layout = settings.read(root).layout(root)
    kube = admin(layout, namespace="default")
    processes.wait_for(
        f"the {current.nodes + 1} simulated nodes",
        lambda: sum(map(is_ready, kube.list(NODE).items)) == current.nodes + 1,
        needs=current.processes,
        timeout_s=READY_LIMIT_S,
    )
    kube.close()
    return current


def delete(*, root: Path, study_id: str) -> None:
    """Remove the study's cluster and verify that nothing is left; harmless when repeated."""
    state.end(
        root,
        study_id=study_id,
        remove=simulated_removal.remove,
        leftovers=simulated_removal.leftovers,
    )
