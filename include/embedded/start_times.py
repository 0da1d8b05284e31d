"""Measurement of the local cluster's start and end times and of its memory."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import cgroups, local_cluster, state
from include.errors import ClusterError
from include.models import Model

if TYPE_CHECKING:
    from include.models import Reservation

PROC = Path("/proc")


class StartTimes(Model):
    """One start and end of the local cluster. Seconds; resident memory of all processes in MiB."""

    control_plane_s: float  # first command until the control plane is ready
    nodes_s: float  # from then until all nodes are Ready with their image, and DNS answers
    delete_s: float
    memory_mib: dict[str, float]  # memory by program


def measure(reservation: Reservation, *, root: Path) -> StartTimes:
    """Start the cluster, wait until it is ready, delete it, and return how long each took.

    ClusterError when this machine already runs a cluster, which would only be adopted.
    """
    if state.read(root) is not None:
        raise ClusterError("a local cluster exists; end it with `make clean` before measuring")
    try:
        started = time.monotonic()
        local_cluster.create(reservation, root=root)
        current = local_cluster.wait_ready(root=root, study_id=reservation.study_id)
        total_s = time.monotonic() - started
        memory = memory_by_program()
    finally:
        ending = time.monotonic()
        local_cluster.delete(root=root, study_id=reservation.study_id)
    control_plane_s = current.control_plane_s or 0.0
    return StartTimes(
        control_plane_s=control_plane_s,
        nodes_s=total_s - control_plane_s,
        delete_s=time.monotonic() - ending,
        memory_mib=memory,
    )


def memory_by_program() -> dict[str, float]:
    """Resident memory of the project's running processes in MiB, summed by program."""
    memory_mib: dict[str, float] = {}
    for pid in cgroups.pids():
        try:
            status = (PROC / str(pid) / "status").read_text()
        except OSError:
            continue  # it has just ended
        name = re.search(r"^Name:\s+(.*)$", status, re.MULTILINE)
        kibibytes = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
        if name and kibibytes:
            memory_mib[name[1]] = memory_mib.get(name[1], 0.0) + int(kibibytes[1]) / 1024
    return {name: round(memory_mib[name], 1) for name in sorted(memory_mib)}
