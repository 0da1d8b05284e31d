"""The program behind a controller on a simulated cluster, if any, and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.embedded import programs
from include.embedded.layout import LOOPBACK
from include.simulation.settings import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.programs import Found
    from include.kube.kinds import Controller, Rate
    from include.simulation.settings import Options

FIXED_HEALTH_PORT = 8080  # the MPI Operator's, hard-wired
HEALTH_PORT = "{health_port}"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A controller's own limits; None: upstream's default."""

    client: Rate | None = None  # requests to the API server
    queue: Rate | None = None  # events of its objects that it takes up


AS_IT_COMES = Limits()


@dataclass(frozen=True, kw_only=True)
class Program:
    """A controller's program on this machine."""

    controller: Controller
    program: Found
    health_port: int
    metrics_port: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.program.path

    @property
    def version(self) -> str:
        """The build of the program."""
        return self.program.version

    def arguments(self, kubeconfig: Path, *, limits: Limits = AS_IT_COMES) -> list[str]:
        """Its command line."""
        arguments = self.controller.process_arguments
        values: dict[str, Any] = {
            "kubeconfig": str(kubeconfig),
            "namespace": self.controller.namespace,
            "address": LOOPBACK,
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
        """Its objects on the cluster, from upstream's pinned manifests."""
        return programs.objects(self.controller, self.program)


def find(controller: Controller, options: Options) -> Program | None:
    """The controller's program as `embedded.programs` finds it, with ports of its own."""
    program = programs.find(controller, named=options.flux_operator)
    if program is None:
        return None
    fixed = not any(HEALTH_PORT in argument for argument in controller.process_arguments)
    health, metrics = free_ports(2)
    return Program(
        controller=controller,
        program=program,
        health_port=FIXED_HEALTH_PORT if fixed else health,
        metrics_port=metrics,
    )
