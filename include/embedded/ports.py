"""Checks the ports that the local cluster needs, naming the holder of a taken one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from include.embedded.commands import run
from include.embedded.layout import (
    API_PORT,
    BRIDGE_ADDRESS,
    CONTROLLER_MANAGER_PORT,
    DNS_PORT,
    DNS_READY_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    LOOPBACK,
    SCHEDULER_PORT,
)
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable

WANTED = (
    (LOOPBACK, ETCD_PORT, "etcd"),
    (LOOPBACK, ETCD_PEER_PORT, "etcd"),
    (BRIDGE_ADDRESS, API_PORT, "the API server"),
    (LOOPBACK, CONTROLLER_MANAGER_PORT, "kube-controller-manager"),
    (LOOPBACK, SCHEDULER_PORT, "kube-scheduler"),
    (BRIDGE_ADDRESS, DNS_PORT, "CoreDNS"),
    (BRIDGE_ADDRESS, DNS_READY_PORT, "CoreDNS"),
)
EVERY_ADDRESS = frozenset({"0.0.0.0", "*", "[::]"})  # noqa: S104  as ss writes them
COLUMNS = 6  # Netid State Recv-Q Send-Q Local:Port Peer:Port [Process]


def require_free() -> None:
    """ClusterError naming a port in use, its holder, and the part that needs it."""
    listening = run(
        ["ss", "--no-header", "--listening", "--numeric", "--tcp", "--udp", "--processes"]
    )
    if conflicts := find_conflicts(listening.splitlines()):
        advice = "end what uses it and try again (`make clean` ends old clusters)"
        msg = f"{'; '.join(conflicts)}; {advice}"
        raise ClusterError(msg)


def find_conflicts(listening: Iterable[str]) -> list[str]:
    """Sentences about needed ports that are in use, from the lines of `ss -Hlntup`."""
    conflicts = []
    for line in listening:
        fields = line.split(maxsplit=COLUMNS)
        address, _, port = fields[4].rpartition(":")
        address = address.partition("%")[0]
        who = _who(fields[COLUMNS] if len(fields) > COLUMNS else "")
        conflicts += [
            f"port {port} of {wanted_address}, which {user} needs, is in use by {who}"
            for wanted_address, wanted_port, user in WANTED
            if str(wanted_port) == port and address in EVERY_ADDRESS | {wanted_address}
        ]
    return list(dict.fromkeys(conflicts))


def _who(process: str) -> str:
    match = re.search(r'\("([^"]+)",pid=(\d+)', process)
    return f"{match[1]} (pid {match[2]})" if match else "another process"
