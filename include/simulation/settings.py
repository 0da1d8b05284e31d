"""A study's options for a simulated cluster, and the data shared by its processes."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from include.embedded.layout import LOOPBACK, Layout, Ports, Tuning
from include.files import write_whole
from include.models import Model, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_WORKERS = 2000
FILE = "simulation.json"
OUTGOING_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST_PORT, FEWEST_PORTS, TRIES = 10_240, 10_000, 20
Seconds = Annotated[float, Field(ge=0, le=3600)]


class Fault(StrEnum):
    """Requested faults of a point; they hit the pod of index 1."""

    LAUNCHER_FAILS = "launcher_fails"
    WORKER_NEVER_READY = "worker_never_ready"
    IMAGE_PULL_ERROR = "image_pull_error"
    TRUNCATED_LOG = "truncated_log"
    POD_EVICTED = "pod_evicted"
    NODE_LOST = "node_lost"


class Options(Model):
    """`cluster_options` of a study on the simulated cluster."""

    nodes: Annotated[int, Field(ge=1, le=MAX_WORKERS)] = 64  # workers; the launcher's node is extra
    schedule_s: Seconds = 0.0  # delay in addition to the real scheduler's
    pull_s: Seconds = 0.0  # run 6 had its image on every node
    start_s: Seconds = 2.0  # minimum container start; up to half of it is added at random
    run_s: Annotated[float, Field(gt=0, le=3600)] | None = None  # None: drawn around run 6
    time_scale: Annotated[float, Field(gt=0, le=1)] = 0.1  # waiting, as a share of the drawn time
    seed: Annotated[int, Field(ge=0)] = 1  # seed of the drawn durations
    # By image, a factor of the application's time: an image that became slower.
    slower_images: dict[str, Annotated[float, Field(gt=0, le=10)]] = Field(default_factory=dict)
    # By a point's id without the study's: its fault.
    faults: dict[str, Fault] = Field(default_factory=dict)
    hourly_price_usd: Annotated[float, Field(ge=0)] | None = None  # price of one node
    flux_operator: str | None = None  # path of the controller's binary; None: look on PATH
    control_plane_qps: Annotated[int, Field(ge=1)] = 200  # see `Tuning`; upstream's: 20 and 50
    is_audited: bool = False  # the API server logs who asked it for what
    plays: bool = True  # False: nobody plays the applications; whoever runs jobs ends their pods

    @model_validator(mode="after")
    def _somebody_lifts_gates(self) -> Self:
        if self.schedule_s and not self.plays:
            raise ValueError("schedule_s: without a player (`plays`) nobody would end the waiting")
        return self


class Simulation(Model):
    """One simulated cluster: its study and its ports. Kept in its state folder."""

    study_id: str
    namespace: str
    study: Study
    options: Options
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    controller_manager_port: int
    scheduler_port: int
    kubelet_port: int  # port that serves the logs of all simulated nodes

    def fault_of(self, point_id: str) -> Fault | None:
        """The fault of a point, None without one."""
        return self.options.faults.get(point_id.removeprefix(f"{self.study_id}-"))

    def layout(self, root: Path) -> Layout:
        """Paths and ports of the cluster."""
        ports = Ports(
            api=self.api_port,
            etcd=self.etcd_port,
            etcd_peer=self.etcd_peer_port,
            controller_manager=self.controller_manager_port,
            scheduler=self.scheduler_port,
        )
        tuning = Tuning(qps=self.options.control_plane_qps, is_audited=self.options.is_audited)
        return Layout(root=root, api_address=LOOPBACK, ports=ports, tuning=tuning)

    def store(self, root: Path) -> None:
        """Store it in the state folder atomically."""
        write_whole(root / FILE, self.model_dump_json(indent=2))


def read(root: Path) -> Simulation:
    """The simulation of a state folder; FileNotFoundError without one."""
    return Simulation.model_validate_json((root / FILE).read_bytes())


def draw(*, study_id: str, namespace: str, study: Study) -> Simulation:
    """A simulation with currently free ports, so that others on this machine are left alone."""
    names = (
        "api_port",
        "etcd_port",
        "etcd_peer_port",
        "controller_manager_port",
        "scheduler_port",
        "kubelet_port",
    )
    return Simulation(
        study_id=study_id,
        namespace=namespace,
        study=study,
        options=Options.model_validate(study.cluster_options),
        **dict(zip(names, free_ports(len(names)), strict=True)),
    )


def free_ports(count: int) -> tuple[int, ...]:
    """Different TCP ports of loopback on which nobody listens now.

    If possible, below those that the kernel gives to outgoing connections: a restarted server
    then finds its port free, whatever connections were made meanwhile.
    """
    first_outgoing = int(OUTGOING_PORTS.read_text().split()[0])
    below = range(FIRST_PORT, first_outgoing)
    if len(below) < FEWEST_PORTS:
        return _bound([0] * count)
    for _ in range(TRIES):
        with suppress(OSError):  # one of them is in use
            return _bound(random.sample(below, count))
    return _bound([0] * count)


def _bound(wanted: Sequence[int]) -> tuple[int, ...]:
    """These ports, 0 for any; OSError when one is in use."""
    sockets = [socket.socket() for _ in wanted]
    try:
        for each, port in zip(sockets, wanted, strict=True):
            each.bind((LOOPBACK, port))
        return tuple(each.getsockname()[1] for each in sockets)
    finally:
        for each in sockets:
            each.close()
