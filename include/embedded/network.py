"""The project's own bridge, and the network namespaces connected to it.

The bridge has its own namespace, and the host is connected to it like a node. The host's firewall
(such as Docker's, which forwards nothing between bridge ports) therefore cannot affect traffic
between nodes. The host forwards and translates nothing; each node has a route to the others' pods.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from include.embedded.commands import run
from include.embedded.layout import (
    BRIDGE_ADDRESS,
    BRIDGE_PREFIX_LENGTH,
    HOST_LINK,
    PREFIX,
    SWITCH,
    Node,
    nodes,
)
from include.errors import ClusterError

log = logging.getLogger(__name__)
NETWORK_NAMESPACES = Path("/run/netns")
HOST_INTERFACES = Path("/sys/class/net")


def create_bridge(*, node_count: int) -> None:
    """Make the bridge, and the host's link to it with its address and routes to all pods."""
    require_free_range()
    inside = ["ip", "-n", SWITCH]
    run(["ip", "netns", "add", SWITCH])
    run([*inside, "link", "add", "bridge", "type", "bridge", "forward_delay", "0"])
    run([*inside, "link", "set", "bridge", "up"])
    run(["ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", "host", "netns", SWITCH])
    run([*inside, "link", "set", "host", "master", "bridge", "up"])
    address = f"{BRIDGE_ADDRESS}/{BRIDGE_PREFIX_LENGTH}"
    run(["ip", "address", "add", address, "dev", HOST_LINK])
    run(["ip", "link", "set", HOST_LINK, "up"])
    for node in nodes(node_count):
        run(["ip", "route", "add", node.pod_range, "via", node.address, "dev", HOST_LINK])


def require_free_range() -> None:
    """ClusterError when another interface of this machine uses the bridge's addresses."""
    for interface in json.loads(run(["ip", "-json", "-4", "address", "show"])):
        for address in interface.get("addr_info", []):
            if interface["ifname"] != HOST_LINK and str(address["local"]).startswith("10.99.0."):
                msg = (
                    f"{interface['ifname']} has the address {address['local']}, which the local "
                    f"cluster's bridge needs; run the benchmark on a machine without it"
                )
                raise ClusterError(msg)


def plug_in(*, namespace: str, link: str, address: str) -> None:
    """Make a network namespace with one interface, `eth0`, on the bridge."""
    run(["ip", "netns", "add", namespace])
    peer = ["peer", "name", "eth0", "netns", namespace]
    run(["ip", "-n", SWITCH, "link", "add", link, "type", "veth", *peer])
    run(["ip", "-n", SWITCH, "link", "set", link, "master", "bridge", "up"])
    inside = ["ip", "-n", namespace]
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "address", "add", f"{address}/{BRIDGE_PREFIX_LENGTH}", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])


def plug_in_node(node: Node, *, node_count: int) -> None:
    """Make a node's network namespace: it forwards to its pods and has routes to the others'."""
    plug_in(namespace=node.namespace, link=node.link, address=node.address)
    inside = ["ip", "-n", node.namespace]
    run([*inside, "route", "add", "default", "via", BRIDGE_ADDRESS])
    for other in nodes(node_count):
        if other != node:
            run([*inside, "route", "add", other.pod_range, "via", other.address])
    forward = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]
    run(["nsenter", f"--net={NETWORK_NAMESPACES / node.namespace}", *forward])


def address_of(namespace: str) -> str | None:
    """The bridge address of a namespace; None if it is missing or incomplete."""
    if namespace not in namespaces():
        return None
    command = ["ip", "-n", namespace, "-json", "-4", "address", "show", "up"]
    for interface in json.loads(run(command) or "[]"):
        for address in interface.get("addr_info", []) if interface["ifname"] == "eth0" else []:
            return str(address["local"])
    return None


def namespaces() -> tuple[str, ...]:
    """The project's existing network namespaces."""
    if not NETWORK_NAMESPACES.is_dir():
        return ()
    return tuple(sorted(path.name for path in NETWORK_NAMESPACES.glob(f"{PREFIX}-*")))


def links() -> tuple[str, ...]:
    """The project's existing interfaces on the host: its link to the bridge."""
    return (HOST_LINK,) if (HOST_INTERFACES / HOST_LINK).exists() else ()


def remove_namespace(namespace: str) -> None:
    """Remove one network namespace; its link to the bridge goes with it."""
    run(["ip", "netns", "delete", namespace])


def remove_link(link: str) -> None:
    """Remove one interface; routes over it go with it."""
    if (HOST_INTERFACES / link).exists():
        run(["ip", "link", "delete", link])
