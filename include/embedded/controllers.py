"""Upstream controllers as host processes, each with its own credential and upstream's role.

A controller runs in its own network namespace on the project's bridge, so the ports it insists on
(such as the MPI Operator's 8080) cannot clash.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from include.embedded import (
    access,
    cgroups,
    controller_files,
    credentials,
    health,
    leading,
    network,
    probe,
    processes,
    state,
)
from include.embedded.layout import BRIDGE_NETWORK, FIRST_CONTROLLER, MAX_CONTROLLERS, PREFIX
from include.embedded.local_cluster import admin, apply, layout_of
from include.errors import ClusterError
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, LEASE, ResourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.embedded.state import ClusterState
    from include.kube.client import Kube
    from include.kube.kinds import Controller

log = logging.getLogger(__name__)
HEALTH_PORT = 8080
WEBHOOK_PORT = 9443
START_LIMIT_S = 180.0
GONE_LIMIT_S = 120.0
CLUSTER_ROLE = ResourceKind(
    group=access.API_GROUP,
    version="v1",
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
)
CLUSTER_ROLE_BINDING = ResourceKind(
    group=access.API_GROUP,
    version="v1",
    plural="clusterrolebindings",
    kind="ClusterRoleBinding",
    namespaced=False,
)


def install(
    controller: Controller,
    *,
    program: Path,
    needs: tuple[dict[str, Any], ...],
    root: Path,
    study_id: str,
) -> None:
    """Start a controller's program and wait until it reports that it is healthy.

    `needs` are the objects that it needs on the cluster. A running one is left as it is.
    ClusterError with the end of its log when it dies.
    """
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        running = current.process(controller.name)
        if running is not None and processes.is_alive(running) and _is_healthy(controller):
            return
        if running is not None:
            current = _stop(controller, current, root)
        layout = layout_of(root)
        apply(layout, needs)
        wait_established(controller, layout)
        process = _start(controller, program, layout, current)
        processes.wait_for(
            controller.name,
            lambda: _is_healthy(controller),
            needs=(process,),
            timeout_s=START_LIMIT_S,
        )
        address = network.address_of(_network_namespace(controller)) or ""
        apply(
            layout,
            tuple(
                controller_files.webhooks(controller, layout, address=address, port=WEBHOOK_PORT)
            ),
        )


def forget(controller: Controller, dead: frozenset[str], *, root: Path, study_id: str) -> bool:
    """Stop a controller that must be reinstalled because parts of the cluster died; True if so.

    That is one that died itself, or could not reach the API server for a while: it may give up its
    lead, and so end, seconds later.
    """
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        is_concerned = controller.name in dead or health.lost_touch(dead)
        if current.process(controller.name) is None or not is_concerned:
            return False
        _stop(controller, current, root)
        leading.drop_leases(controller, layout_of(root))
    return True


def stop(controller: Controller, *, root: Path, study_id: str) -> None:
    """End a controller's process and what it holds; definitions and rights stay for the next."""
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        _stop(controller, current, root)
        leading.drop_leases(controller, layout_of(root))


def uninstall(controller: Controller, *, root: Path, study_id: str) -> None:
    """Stop a controller and remove what `install` made; returns when it is gone.

    Its empty namespace stays until the cluster's end: Kubernetes takes five seconds or more to
    remove one, while the study would wait. ClusterError naming what remains when time is up.
    """
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        layout = layout_of(root)
        kube = admin(layout, namespace=controller.namespace)
        remove_definitions(kube, controller)
        _stop(controller, current, root)
        controller_files.remove(controller, layout, kube)
        remove_rights(kube, controller)
        credentials.revoke(layout, (controller.name,))
        kube.close()


def remove_definitions(kube: Kube, controller: Controller) -> None:
    """Delete its definitions while the controller still runs and can clean up its resources."""
    for name in controller.crd_names:
        kube.delete(CUSTOM_RESOURCE_DEFINITION, name)
    for name in controller.crd_names:
        wait_gone(kube, CUSTOM_RESOURCE_DEFINITION, name)


def remove_rights(kube: Kube, controller: Controller) -> None:
    """Delete the role, its binding and the lease, for which the next one would wait."""
    user = credentials.controller_user(controller.name)
    kube.delete(CLUSTER_ROLE_BINDING, user)
    kube.delete(CLUSTER_ROLE, user)
    kube.delete_all(LEASE, selector="")


def wait_gone(kube: Kube, kind: ResourceKind, name: str) -> None:
    """Wait until an object is gone; ClusterError when time is up."""
    processes.wait_for(
        f"the removal of {kind.kind} {name}",
        lambda: kube.get(kind, name) is None,
        timeout_s=GONE_LIMIT_S,
    )


def wait_established(controller: Controller, layout: Layout) -> None:
    """Wait until the API server serves the controller's resources."""
    kube = admin(layout, namespace=controller.namespace)
    processes.wait_for(
        f"the definitions {', '.join(controller.crd_names)}",
        lambda: all(_is_established(kube, name) for name in controller.crd_names),
        timeout_s=START_LIMIT_S,
    )
    kube.close()


def _is_established(kube: Kube, name: str) -> bool:
    definition = kube.get(CUSTOM_RESOURCE_DEFINITION, name) or {}
    conditions = definition.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def _start(
    controller: Controller, program: Path, layout: Layout, current: ClusterState
) -> HostProcess:
    namespace, address = _network_namespace(controller), _plugged_in(controller)
    values = {
        "kubeconfig": str(credentials.issue_controller(layout, controller.name)),
        "namespace": controller.namespace,
        "address": address,
        "health_port": str(HEALTH_PORT),
        "metrics_port": "0",
        "webhook_port": str(WEBHOOK_PORT),
        "config": str(controller_files.config_path(controller, layout)),
    }
    own = controller_files.write(controller, layout, values)
    arguments = [argument.format(**values) for argument in controller.process_arguments]
    enter: list[str | Path] = ["nsenter", f"--net={network.NETWORK_NAMESPACES / namespace}", "--"]
    log_file = layout.logs / f"{controller.name}.log"
    process = processes.start(
        controller.name,
        [*enter, program, *arguments],
        log_file=log_file,
        environment={"KUBECONFIG": values["kubeconfig"], **own},
    )
    cgroups.join(cgroups.HOST_GROUP, process.pid)
    state.write(layout, current.with_process(process))
    return process


def _plugged_in(controller: Controller) -> str:
    """The controller's address on the bridge, after connecting it if necessary.

    An incomplete network namespace is made again.
    """
    namespace = _network_namespace(controller)
    if address := network.address_of(namespace):
        return address
    if namespace in network.namespaces():
        network.remove_namespace(namespace)
    taken = {network.address_of(each) for each in network.namespaces()}
    for number in range(MAX_CONTROLLERS):
        address = f"{BRIDGE_NETWORK}.{FIRST_CONTROLLER + number}"
        if address not in taken:
            network.plug_in(namespace=namespace, link=f"controller-{number}", address=address)
            return address
    raise ClusterError(f"{MAX_CONTROLLERS} controllers run already; uninstall one")


def _stop(controller: Controller, current: ClusterState, root: Path) -> ClusterState:
    """End the process and its network namespace, and remove it from the state."""
    running = current.process(controller.name)
    if running is not None:
        processes.stop((running,))
    if _network_namespace(controller) in network.namespaces():
        network.remove_namespace(_network_namespace(controller))
    left = current.without_process(controller.name)
    state.write(layout_of(root), left)
    return left


def _network_namespace(controller: Controller) -> str:
    return f"{PREFIX}-{controller.name}"


def _is_healthy(controller: Controller) -> bool:
    address = network.address_of(_network_namespace(controller))
    return address is not None and probe.answers_in_plain(
        address, port=HEALTH_PORT, path=controller.health_path
    )
