"""The load of a job on the machine: API requests by sender, CPU and memory."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from include.embedded.credentials import controller_user
from include.simulation.access import KWOK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from include.embedded.processes import HostProcess

PROC = Path("/proc")
IDLE = ("idle", "iowait")  # what else /proc/stat counts is work, stolen time included
PART_OF_USER = ("guest", "guest_nice")  # counted twice by Linux: proc(5)
RESET_PEAK = "5"  # proc(5), clear_refs: resets the peak of resident memory
OPERATOR, CONTROL_PLANE, SCHEDULER, KUBELETS, OTHERS = (
    *("operator", "controller_manager", "scheduler", "kubelets", "others"),
)
PARTIES = (OPERATOR, CONTROL_PLANE, SCHEDULER, KUBELETS, OTHERS)
# Fields of `Run` for each process; the operator's own process has its controller's name.
PROCESSES = {
    "controller_manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
    "api_server": "kube-apiserver",
    "etcd": "etcd",
    "kwok": "kwok",
}
WITH_PEAK = ("controller_manager", "scheduler", "api_server")


def party_of(user: str, *, controllers: Collection[str]) -> str:
    """The party behind an API server user; `others` covers the API server and this study."""
    if user in map(controller_user, controllers):
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
    """The API server's audit log, read on from the end of the last reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[bytes]:
        """Complete lines since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete.splitlines()


def count_requests(lines: Iterable[bytes], *, controllers: Collection[str]) -> Counter[Request]:
    """Answered requests, by sender and subject. Format: audit.k8s.io/v1.

    `controllers` are the names of the operator's own.
    """
    counts: Counter[Request] = Counter()
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        ref = event.get("objectRef", {})
        resource = "/".join(filter(None, (ref.get("resource", "-"), ref.get("subresource"))))
        party = party_of(event["user"]["username"], controllers=controllers)
        counts[Request(party=party, verb=event["verb"], resource=resource)] += 1
    return counts


@dataclass(frozen=True, kw_only=True)
class Usage:
    """CPU seconds since the process started, and peak resident MiB, by process name.

    `own_s` is the CPU of this process, `machine_s` that of all processes on the machine, and
    `at_s` the instant of a monotonic clock.
    """

    cpu_s: Mapping[str, float]
    peak_mib: Mapping[str, float]
    own_s: float
    machine_s: float
    at_s: float

    def cores_elsewhere(self, since: Usage) -> float:
        """Cores that neither this process nor the named ones kept busy, on average."""
        named_s = sum(self.cpu_s[name] - since.cpu_s[name] for name in self.cpu_s)
        named_s += self.own_s - since.own_s
        others_s = self.machine_s - since.machine_s - named_s
        return max(0.0, others_s / (self.at_s - since.at_s))


def usage(processes: Iterable[HostProcess]) -> Usage:
    """Resources used by the processes; those that have ended are left out."""
    cpu: dict[str, float] = {}
    peak: dict[str, float] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess, OSError):
            times = psutil.Process(process.pid).cpu_times()
            cpu[process.name] = times.user + times.system
            peak[process.name] = _peak_mib(process.pid)
    return Usage(
        cpu_s=cpu,
        peak_mib=peak,
        own_s=time.process_time(),
        machine_s=_busy_s(),
        at_s=time.monotonic(),
    )


def _busy_s() -> float:
    """CPU seconds that all processes have used since the machine started, stolen ones included."""
    times: dict[str, float] = psutil.cpu_times()._asdict()
    return sum(s for name, s in times.items() if name not in (*IDLE, *PART_OF_USER))


def reset_peaks(processes: Iterable[HostProcess]) -> None:
    """Reset the memory peaks, where the kernel allows it."""
    for process in processes:
        with suppress(OSError):
            (PROC / str(process.pid) / "clear_refs").write_text(RESET_PEAK)


def _peak_mib(pid: int) -> float:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def by_party(counts: Counter[Request]) -> dict[str, int]:
    """Requests of each party, by the field of a row."""
    return {
        f"requests_{party}": sum(n for kind, n in counts.items() if kind.party == party)
        for party in PARTIES
    }


def used_between(before: Usage, after: Usage, *, controllers: Sequence[str]) -> dict[str, float]:
    """CPU and peak memory by field; an operator's controllers are added up."""
    named: dict[str, tuple[str, ...]] = {field: (name,) for field, name in PROCESSES.items()}
    named |= {OPERATOR: tuple(controllers)} if controllers else {}
    cpu = {
        f"cpu_{field}_s": round(sum(after.cpu_s[name] - before.cpu_s[name] for name in names), 2)
        for field, names in named.items()
    }
    peaks = [*WITH_PEAK, *([OPERATOR] if controllers else [])]
    whole = {
        "cpu_study_s": round(after.own_s - before.own_s, 2),
        "cores_elsewhere": round(after.cores_elsewhere(before), 3),
    }
    return (
        cpu
        | whole
        | {
            f"peak_{field}_mib": round(sum(after.peak_mib[name] for name in named[field]), 1)
            for field in peaks
        }
    )
