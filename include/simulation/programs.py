"""The program behind a controller on a simulated cluster, if any, and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.embedded import controller_files, programs
from include.embedded.layout import LOOPBACK
from include.simulation.settings import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.embedded.programs import Located
    from include.kube.kinds import Controller, Rate
    from include.simulation.settings import Options

FIXED_HEALTH_PORT = 8080  # the MPI Operator's, hard-wired
HEALTH_PORT = "{health_port}"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A controller's own limits; None: upstream's default."""

    client: Rate | None = None  # requests to the API server
    queue: Rate | None = None  # processed events of its objects


AS_IT_COMES = Limits()


@dataclass(frozen=True, kw_only=True)
class Program:
    """A controller's program on this machine."""

    controller: Controller
    program: Located
    health_port: int
    metrics_port: int
    webhook_port: int

    @property
    def path(self) -> Path:
        """Path of the program."""
        return self.program.path

    @property
    def version(self) -> str:
        """The build of the program."""
        return self.program.version

    def values(
        self, kubeconfig: Path, *, config: Path, limits: Limits = AS_IT_COMES
    ) -> dict[str, str]:
        """The values in its command line and in its configuration, stored at `config`."""
        values: dict[str, Any] = {
            "kubeconfig": kubeconfig,
            "config": config,
            "namespace": self.controller.namespace,
            "address": LOOPBACK,
            "health_port": self.health_port,
            "metrics_port": self.metrics_port,
            "webhook_port": self.webhook_port,
        }
        if limits.client is not None:
            values |= {"qps": limits.client.qps, "burst": limits.client.burst}
        if limits.queue is not None:
            values |= {"queue_qps": limits.queue.qps, "queue_burst": limits.queue.burst}
        return {name: str(value) for name, value in values.items()}

    def arguments(self, values: Mapping[str, str], *, limits: Limits = AS_IT_COMES) -> list[str]:
        """Arguments of the command line with the values filled in."""
        words = self.controller.process_arguments
        words += self.controller.client_arguments if limits.client else ()
        words += self.controller.queue_arguments if limits.queue else ()
        return [word.format(**values) for word in words]

    def webhooks(self, layout: Layout) -> list[dict[str, Any]]:
        """Webhook configurations with its port."""
        return controller_files.webhooks(
            self.controller, layout, address=LOOPBACK, port=self.webhook_port
        )

    def objects(self) -> list[dict[str, Any]]:
        """Objects on the cluster, from upstream's pinned manifests."""
        return programs.objects(self.controller, self.program)


def find(controller: Controller, options: Options) -> Program | None:
    """The controller's program from `embedded.programs`, with its own ports."""
    program = programs.find(controller, named=options.flux_operator)
    if program is None:
        return None
    settings = (*controller.process_arguments, controller.config)
    fixed = not any(HEALTH_PORT in text for text in settings)
    health, metrics, webhook = free_ports(3)
    return Program(
        controller=controller,
        program=program,
        health_port=FIXED_HEALTH_PORT if fixed else health,
        metrics_port=metrics,
        webhook_port=webhook,
    )
