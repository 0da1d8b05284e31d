"""Which program stands behind a controller on a simulated cluster, if any."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.embedded import access, binaries, commands, credentials
from include.embedded import controllers as embedded
from include.errors import ClusterError
from include.kube import installation
from include.project import cache_dir
from include.simulation.settings import free_ports

if TYPE_CHECKING:
    from include.kube.kinds import Controller, Rate
    from include.simulation.settings import Options

FIXED_HEALTH_PORT = 8080  # the MPI Operator's, hard-wired
HEALTH_PORT = "{health_port}"
NEEDED_KINDS = ("CustomResourceDefinition", "ClusterRole")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a controller allows itself; None: upstream's own limit."""

    client: Rate | None = None  # requests to the API server
    queue: Rate | None = None  # events of its objects that it takes up


AS_IT_COMES = Limits()


@dataclass(frozen=True, kw_only=True)
class Program:
    """A controller's program on this machine."""

    controller: Controller
    path: Path
    version: str
    health_port: int
    metrics_port: int
    is_built_here: bool  # then its manifests are in the cache of built programs

    def arguments(self, kubeconfig: Path, *, limits: Limits = AS_IT_COMES) -> list[str]:
        """Its command line."""
        arguments = self.controller.process_arguments
        values: dict[str, Any] = {
            "kubeconfig": str(kubeconfig),
            "namespace": self.controller.namespace,
            "health_port": str(self.health_port),
            "metrics_port": str(self.metrics_port),
        }
        if limits.client is not None:
            arguments += self.controller.client_arguments
            values |= {"qps": limits.client.qps, "burst": limits.client.burst}
        if limits.queue is not None:
            arguments += self.controller.queue_arguments
            values |= {"queue_qps": limits.queue.qps, "queue_burst": limits.queue.burst}
        return [argument.format(**values) for argument in arguments]

    def objects(self) -> list[dict[str, Any]]:
        """What it needs on the cluster, out of upstream's pinned manifests."""
        if self.is_built_here:
            return embedded.objects(self.controller)
        return _from_manifest(self.controller)


def find(controller: Controller, options: Options) -> Program | None:
    """The controller's program: built by the project, named by the study, or found on PATH.

    None when there is none. ClusterError when the named one is not there.
    """
    fixed = not any(HEALTH_PORT in argument for argument in controller.process_arguments)
    health, metrics = free_ports(2)
    ours = controller.name in binaries.PROGRAMS
    path = binaries.binary(controller.name) if ours else _outside(controller, options)
    if path is None:
        return None
    return Program(
        controller=controller,
        path=path,
        version=controller.version if ours else _identity(controller, path),
        health_port=FIXED_HEALTH_PORT if fixed else health,
        metrics_port=metrics,
        is_built_here=ours,
    )


def _outside(controller: Controller, options: Options) -> Path | None:
    """`cluster_options.flux_operator`, or a program of the controller's name on PATH."""
    if options.flux_operator is not None:
        path = Path(options.flux_operator)
        if not path.is_file():
            raise ClusterError(f"cluster_options.flux_operator: there is no file {path}")
        return path
    found = commands.find(controller.name)
    return Path(found) if found else None


def _identity(controller: Controller, path: Path) -> str:
    """Which build a program is: Go writes the main module's version into it.

    `(devel)`, or nothing, when it was built without its history; its digest tells builds apart.
    """
    data = path.read_bytes()
    found = re.search(rb"mod\t%b\t([!-~]+)" % controller.go_module.encode(), data)
    version = found[1].decode() if found else "(version not in the binary)"
    return f"{version}, binary sha256:{hashlib.sha256(data).hexdigest()[:12]}"


def _from_manifest(controller: Controller) -> list[dict[str, Any]]:
    """Definition and role from the manifest for clusters, checked by its digest."""
    found = [
        obj
        for obj in installation.manifest(controller, cache=cache_dir())
        if obj["kind"] == "CustomResourceDefinition"
        or (obj["kind"], obj["metadata"]["name"]) == ("ClusterRole", controller.cluster_role)
    ]
    if {obj["kind"] for obj in found} != set(NEEDED_KINDS):
        raise ClusterError(f"the manifest of {controller.name} lacks one of {NEEDED_KINDS}")
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": controller.namespace},
    }
    user = credentials.controller_user(controller.name)
    return [
        namespace,
        *found,
        access.binding(role_name=controller.cluster_role, user=user),
    ]
