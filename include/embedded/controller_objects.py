"""Objects of a controller on the cluster, from upstream's manifests in the pinned module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.embedded import access, controller_files, credentials
from include.embedded.on_demand import manifest_file
from include.errors import ClusterError
from include.render import objects_in

if TYPE_CHECKING:
    from include.kube.kinds import Controller


def objects(controller: Controller) -> list[dict[str, Any]]:
    """A controller's objects on the cluster: namespace, definitions, role, binding.

    Definitions and role are upstream's, from the pinned module.
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
        access.binding(role_name=user, user=user),
        *objects_in(controller.own_objects.format(user=user)),
    ]


def definitions(controller: Controller) -> list[dict[str, Any]]:
    """The controller's custom resource definitions, with upstream's patches merged into them."""
    by_name: dict[str, dict[str, Any]] = {}
    for path in controller.crd_files:
        for obj in objects_in(manifest_file(controller, path).read_text()):
            name = obj["metadata"]["name"]
            by_name[name] = controller_files.merged(by_name.get(name, {}), obj)
    return list(by_name.values())


def upstream_role(controller: Controller) -> dict[str, Any]:
    """The controller's ClusterRole from its own deployment; ClusterError when it is missing.

    It is renamed: upstream's kustomizations use one name for several.
    """
    path = manifest_file(controller, controller.deployment_file)
    for obj in objects_in(path.read_text()):
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] == controller.cluster_role:
            return named_after(controller, obj)
    raise ClusterError(f"{path} has no ClusterRole {controller.cluster_role}")


def named_after(controller: Controller, role: dict[str, Any]) -> dict[str, Any]:
    """The role under the name of the controller's user, as its binding is."""
    return role | {"metadata": {"name": credentials.controller_user(controller.name)}}
