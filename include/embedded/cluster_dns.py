"""CoreDNS on the bridge: the names of headless Services and their pods, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.embedded import credentials, probe, processes
from include.embedded.binaries import binary
from include.embedded.layout import (
    BRIDGE_ADDRESS,
    CLUSTER_DOMAIN,
    DNS_PORT,
    DNS_READY_PORT,
)
from include.files import write_whole

if TYPE_CHECKING:
    from include.embedded.layout import Layout
    from include.embedded.processes import HostProcess


NAME = "coredns"


def corefile(kubeconfig: str) -> str:
    """CoreDNS's configuration.

    `ttl 0`: the absence of a pod's name must not be cached from before it existed.
    """
    return f"""\
.:{DNS_PORT} {{
  bind {BRIDGE_ADDRESS}
  ready {BRIDGE_ADDRESS}:{DNS_READY_PORT}
  errors
  kubernetes {CLUSTER_DOMAIN} {{
    kubeconfig {kubeconfig} local
    ttl 0
  }}
}}
"""


def start(layout: Layout) -> HostProcess:
    """Start CoreDNS; its role must already exist."""
    config = layout.config / "Corefile"
    config.parent.mkdir(parents=True, exist_ok=True)
    write_whole(config, corefile(str(layout.kubeconfig(credentials.COREDNS))))
    command = (binary("coredns"), "-conf", config)
    return processes.start(NAME, command, log_file=layout.logs / "coredns.log")


def is_ready() -> bool:
    """True once CoreDNS has read the cluster's Services and pods."""
    return probe.answers_in_plain(BRIDGE_ADDRESS, port=DNS_READY_PORT, path="/ready")
