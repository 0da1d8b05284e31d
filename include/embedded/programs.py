"""The program behind a controller on this machine, and its objects on a cluster."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.checks import passed
from include.embedded import access, binaries, commands, credentials, flux_controller
from include.embedded import controllers as embedded
from include.errors import ClusterError
from include.kube import installation
from include.project import cache_dir

if TYPE_CHECKING:
    from include.checks import Check
    from include.kube.kinds import Controller

NEEDED_KINDS = ("CustomResourceDefinition", "ClusterRole")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A controller's program on this machine."""

    path: Path
    version: str
    is_built_here: bool  # built with the cluster's programs, its manifests cached with them


def find(controller: Controller, *, named: str | None = None) -> Found | None:
    """The program: of the pinned modules, named by the study, on PATH, or built from its module.

    None when there is none. ClusterError when the named one is not there.
    """
    if controller.name in binaries.PROGRAMS:
        path = binaries.binary(controller.name)
        return Found(path=path, version=controller.version, is_built_here=True)
    path_outside = _outside(controller, named)
    if path_outside is None:
        return None
    version = _identity(controller, path_outside)
    return Found(path=path_outside, version=version, is_built_here=False)


def objects(controller: Controller, program: Found) -> list[dict[str, Any]]:
    """The controller's objects on the cluster, from upstream's pinned manifests."""
    return embedded.objects(controller) if program.is_built_here else _from_manifest(controller)


def check(controller: Controller, program: Found) -> tuple[Check, ...]:
    """The program, and a check that its manifest is at hand."""
    checked = passed(controller.name, f"{program.path}, {program.version}")
    if program.is_built_here:
        return (checked,)
    return (checked, installation.manifest_check(controller, cache=cache_dir()))


def _outside(controller: Controller, named: str | None) -> Path | None:
    """`cluster_options.flux_operator`, a program of the controller's name on PATH, or one built."""
    if named is not None:
        path = Path(named)
        if not path.is_file():
            raise ClusterError(f"cluster_options.flux_operator: there is no file {path}")
        return path
    if on_path := commands.find(controller.name):
        return Path(on_path)
    return flux_controller.built(controller)


def _identity(controller: Controller, path: Path) -> str:
    """The build of a program: Go writes the main module's version or commit into it.

    A build without its history says `(devel)`, or nothing; its digest tells such builds apart.
    """
    data = path.read_bytes()
    module = re.search(rb"mod\t%b\t([!-~]+)" % re.escape(controller.go_module.encode()), data)
    commit = re.search(rb"vcs\.revision=([0-9a-f]{40})", data)
    changed = b"vcs.modified=true" in data
    version = module[1].decode() if module else "(version not in the binary)"
    if version == "(devel)" and commit:
        version = f"commit {commit[1].decode()}{', changed' if changed else ''}"
    elif version == "(devel)":
        version = "(devel), commit not in the binary"
    return f"{version}, binary sha256:{hashlib.sha256(data).hexdigest()[:12]}"


def _from_manifest(controller: Controller) -> list[dict[str, Any]]:
    """Definition and role from the manifest for clusters, checked by its digest."""
    kept = [
        obj
        for obj in installation.manifest(controller, cache=cache_dir())
        if obj["kind"] == "CustomResourceDefinition"
        or (obj["kind"], obj["metadata"]["name"]) == ("ClusterRole", controller.cluster_role)
    ]
    if {obj["kind"] for obj in kept} != set(NEEDED_KINDS):
        raise ClusterError(f"the manifest of {controller.name} lacks one of {NEEDED_KINDS}")
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": controller.namespace},
    }
    user = credentials.controller_user(controller.name)
    return [
        namespace,
        *kept,
        access.binding(role_name=controller.cluster_role, user=user),
    ]
