"""The program behind a controller on this machine, and its objects on a cluster."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.checks import passed
from include.embedded import (
    access,
    binaries,
    commands,
    controller_objects,
    credentials,
    module_sources,
    on_demand,
)
from include.errors import ClusterError
from include.kube import installation
from include.kube.kinds import Origin
from include.project import cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.checks import Check
    from include.embedded.progress import Progress
    from include.kube.kinds import Controller

NEEDED_KINDS = ("CustomResourceDefinition", "ClusterRole")


@dataclass(frozen=True, kw_only=True)
class Located:
    """A controller's program on this machine."""

    path: Path
    version: str
    is_built_here: bool  # built with the cluster's programs, its manifests cached with them


def find(controller: Controller, *, named: str | None = None) -> Located | None:
    """The program: from the pinned modules, named by the study, on PATH, or built from its module.

    None when there is none, or when it has not been built on demand yet. ClusterError when the
    named one is missing, or one that belongs to the cluster's programs is not built.
    """
    if controller.program:
        return _chosen(controller, named=named)
    if controller.name in binaries.PROGRAMS and controller.origin is Origin.PINNED:
        path = binaries.binary(controller.name)
        return Located(path=path, version=controller.version, is_built_here=True)
    if not is_on_demand(controller) and (outside := _outside(controller, named)):
        version = _identity(controller, outside)
        return Located(path=outside, version=version, is_built_here=False)
    if (built := on_demand.built(controller)) is None:
        return None
    return Located(path=built, version=controller.version, is_built_here=True)


def _chosen(controller: Controller, *, named: str | None) -> Located:
    """A build chosen by the user, with the manifests of the one it replaces."""
    path = Path(controller.program)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ClusterError(f"{controller.name}: there is no program {path}")
    pinned = find(replace(controller, program="", origin=Origin.PINNED), named=named)
    is_built_here = pinned is not None and pinned.is_built_here
    return Located(path=path, version=_identity(controller, path), is_built_here=is_built_here)


def is_on_demand(controller: Controller) -> bool:
    """True if it is built when a study asks for it, from a module of its own."""
    return bool(controller.tool) or controller.origin is Origin.MODULE


def can_be_had(controller: Controller, *, named: str | None = None) -> bool:
    """True if the program exists or can be built: with the cluster's, or on demand."""
    if not controller.program and (
        controller.name in binaries.PROGRAMS or is_on_demand(controller)
    ):
        return True
    return find(controller, named=named) is not None


def build(controllers: Iterable[Controller], progress: Progress) -> None:
    """Build the programs that are built on demand."""
    for controller in controllers:
        if is_on_demand(controller):
            on_demand.build(controller, progress)


def objects(controller: Controller, program: Located) -> list[dict[str, Any]]:
    """The controller's objects on the cluster, from upstream's pinned manifests."""
    return (
        controller_objects.objects(controller)
        if program.is_built_here
        else _from_manifest(controller)
    )


def check(controller: Controller, program: Located | None) -> tuple[Check, ...]:
    """The program, and a check that its manifest is available; None: built with the cluster.

    ClusterError when the module proxy does not have a version that is not pinned.
    """
    if program is None:
        if controller.origin is Origin.MODULE:
            module_sources.require(controller)
        built = f"{controller.version} is built from its Go module when the cluster is made"
        return (passed(controller.name, f"{built}, once, in a few minutes"),)
    checked = passed(controller.name, f"{program.path}, {program.version}")
    if program.is_built_here:
        return (checked,)
    return (checked, installation.manifest_check(controller, cache=cache_dir()))


def _outside(controller: Controller, named: str | None) -> Path | None:
    """Path from `cluster_options.flux_operator`, or PATH."""
    if named is not None:
        path = Path(named)
        if not path.is_file():
            raise ClusterError(f"cluster_options.flux_operator: there is no file {path}")
        return path
    if on_path := commands.find(controller.name):
        return Path(on_path)
    return None


def _identity(controller: Controller, path: Path) -> str:
    """The build of a program: Go writes the main module's version or commit into it.

    A build without its history has `(devel)` or nothing; its digest tells such builds apart.
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
    """Definition and role from the manifest for clusters, verified by its digest."""
    kept = [
        controller_objects.named_after(controller, obj) if obj["kind"] == "ClusterRole" else obj
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
        access.binding(role_name=user, user=user),
    ]
