"""Upstream controllers as host processes, each with its own credential and upstream's own role.

A controller sits in a network namespace of its own on the project's bridge: the ports that it
insists on (the MPI Operator's 8080, say) are then nobody else's.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import yaml

from include.embedded import (
    access,
    cgroups,
    credentials,
    health,
    network,
    probe,
    processes,
    state,
)
from include.embedded.binaries import module_file
from include.embedded.layout import BRIDGE_NETWORK, FIRST_CONTROLLER, MAX_CONTROLLERS, PREFIX
from include.embedded.local_cluster import admin, apply, layout_of
from include.errors import ClusterError
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, ResourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess
    from include.embedded.state import ClusterState
    from include.kube.client import Kube
    from include.kube.kinds import Controller

log = logging.getLogger(__name__)
LEASE = ResourceKind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
HEALTH_PORT = 8080
START_LIMIT_S = 60.0
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
    """Make a controller's program run and wait until it says that it is healthy.

    `needs` are the objects that it needs on the cluster. One that runs already is left as it is.
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


def forget(controller: Controller, dead: frozenset[str], *, root: Path, study_id: str) -> bool:
    """Stop a controller that is to be installed again since parts of the cluster died, if it is.

    That is one that died itself, or could not reach the API server for a while: it may give up
    its lead, and with it end, seconds later.
    """
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        is_concerned = controller.name in dead or health.lost_touch(dead)
        if current.process(controller.name) is None or not is_concerned:
            return False
        _stop(controller, current, root)
        kube = admin(layout_of(root), namespace=controller.namespace)
        kube.delete_all(LEASE, selector="")  # the next one would wait for it
        kube.close()
    return True


def objects(controller: Controller) -> list[dict[str, Any]]:
    """A controller's objects on the cluster: namespace, definitions, role, binding.

    Definitions and role are upstream's, out of the pinned module.
    """
    user = credentials.controller_user(controller.name)
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": controller.namespace},
        },
        *definitions(controller),
        upstream_role(controller),
        access.binding(role_name=controller.cluster_role, user=user),
    ]


def definitions(controller: Controller) -> list[dict[str, Any]]:
    """The controller's custom resource definitions."""
    return [
        obj
        for path in controller.crd_files
        for obj in _objects_in(module_file(controller.go_module, path))
    ]


def upstream_role(controller: Controller) -> dict[str, Any]:
    """The controller's ClusterRole, as its own deployment has it; ClusterError when not found."""
    path = module_file(controller.go_module, controller.deployment_file)
    for obj in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
        if (
            obj is not None
            and obj["kind"] == "ClusterRole"
            and obj["metadata"]["name"] == controller.cluster_role
        ):
            return dict(obj)
    raise ClusterError(f"{path} has no ClusterRole {controller.cluster_role}")


def _objects_in(path: Path) -> list[dict[str, Any]]:
    """The objects of a manifest, read by the parser in C where there is one: they are long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = yaml.load_all(path.read_text(), Loader=loader)
    return [obj for obj in documents if obj is not None]


def uninstall(controller: Controller, *, root: Path, study_id: str) -> None:
    """Stop a controller and remove what `install` made; returns when it is gone.

    Its empty namespace stays until the cluster's end: Kubernetes takes five seconds or more to
    remove one, in which the study would stand still. ClusterError naming what is still there
    when time is up.
    """
    with state.locked(root):
        current = state.require(root, study_id=study_id)
        layout = layout_of(root)
        kube = admin(layout, namespace=controller.namespace)
        # First the definition, while the controller is still there to see its resources go.
        kube.delete(CUSTOM_RESOURCE_DEFINITION, controller.crd_name)
        wait_gone(kube, CUSTOM_RESOURCE_DEFINITION, controller.crd_name)
        _stop(controller, current, root)
        remove_rights(kube, controller)
        credentials.revoke(layout, (controller.name,))
        kube.close()


def remove_rights(kube: Kube, controller: Controller) -> None:
    """Delete the role, its binding and the lease, for which the next one would else wait."""
    kube.delete(CLUSTER_ROLE_BINDING, credentials.controller_user(controller.name))
    kube.delete(CLUSTER_ROLE, controller.cluster_role)
    kube.delete_all(LEASE, selector="")


def wait_gone(kube: Kube, kind: ResourceKind, name: str) -> None:
    """Wait until an object is no longer there; ClusterError when time is up."""
    processes.wait_for(
        f"the removal of {kind.kind} {name}",
        lambda: kube.get(kind, name) is None,
        timeout_s=GONE_LIMIT_S,
    )


def wait_established(controller: Controller, layout: Layout) -> None:
    """Wait until the API server serves the controller's resources."""
    kube = admin(layout, namespace=controller.namespace)
    processes.wait_for(
        f"the definition {controller.crd_name}",
        lambda: _is_established(kube, controller.crd_name),
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
    }
    arguments = [argument.format(**values) for argument in controller.process_arguments]
    enter: list[str | Path] = ["nsenter", f"--net={network.NETWORK_NAMESPACES / namespace}", "--"]
    log_file = layout.logs / f"{controller.name}.log"
    process = processes.start(
        controller.name,
        [*enter, program, *arguments],
        log_file=log_file,
        environment={"KUBECONFIG": values["kubeconfig"]},
    )
    cgroups.join(cgroups.HOST_GROUP, process.pid)
    state.write(layout, current.with_process(process))
    return process


def _plugged_in(controller: Controller) -> str:
    """The controller's address on the bridge, after plugging it in where it is not.

    A network namespace that was left half made is made anew.
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
    """End the process and its network namespace, and forget it."""
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
        address, port=HEALTH_PORT, path="/healthz"
    )
