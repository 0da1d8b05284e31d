"""The load of a job on the machine: requests to the API server by sender, CPU and memory."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from include.embedded.credentials import controller_user
from include.simulation.access import KWOK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.embedded.processes import HostProcess

PROC = Path("/proc")
RESET_PEAK = "5"  # proc(5), clear_refs: the peak of resident memory starts anew
OPERATOR, CONTROL_PLANE, SCHEDULER, KUBELETS, OTHERS = (
    *("operator", "controller_manager", "scheduler", "kubelets", "others"),
)
PARTIES = (OPERATOR, CONTROL_PLANE, SCHEDULER, KUBELETS, OTHERS)


def party_of(user: str, *, controller: str | None) -> str:
    """The party behind a user of the API server; `others`: the API server itself and this study."""
    if controller is not None and user == controller_user(controller):
        return OPERATOR
    if user == controller_user(KWOK):
        return KUBELETS
    if user == "system:kube-scheduler":
        return SCHEDULER
    if user.startswith(("system:serviceaccount:kube-system:", "system:kube-controller-manager")):
        return CONTROL_PLANE
    return OTHERS


@dataclass(frozen=True, kw_only=True)
class Request:
    """A kind of request: who asked for what."""

    party: str
    verb: str
    resource: str  # resource with subresource, such as `pods/binding`


class AuditLog:
    """The API server's audit log, read from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[bytes]:
        """Whole lines since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete.splitlines()


def count_requests(lines: Iterable[bytes], *, controller: str | None) -> Counter[Request]:
    """Requests that were answered, by who sent them and what for. Format: audit.k8s.io/v1."""
    counts: Counter[Request] = Counter()
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        ref = event.get("objectRef", {})
        resource = "/".join(filter(None, (ref.get("resource", "-"), ref.get("subresource"))))
        party = party_of(event["user"]["username"], controller=controller)
        counts[Request(party=party, verb=event["verb"], resource=resource)] += 1
    return counts


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Seconds of CPU since their start, and peak resident MiB, by the process's name."""

    cpu_s: Mapping[str, float]
    peak_mib: Mapping[str, float]


def usage(processes: Iterable[HostProcess]) -> Usage:
    """Resources used by the processes; one that has ended is left out."""
    cpu: dict[str, float] = {}
    peak: dict[str, float] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess, OSError):
            times = psutil.Process(process.pid).cpu_times()
            cpu[process.name] = times.user + times.system
            peak[process.name] = _peak_mib(process.pid)
    return Usage(cpu_s=cpu, peak_mib=peak)


def reset_peaks(processes: Iterable[HostProcess]) -> None:
    """Let the peaks of memory start anew, where the kernel lets us."""
    for process in processes:
        with suppress(OSError):
            (PROC / str(process.pid) / "clear_refs").write_text(RESET_PEAK)


def _peak_mib(pid: int) -> float:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
