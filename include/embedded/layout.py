"""Names, addresses and paths of the embedded cluster, each defined once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "opb"  # prefix of the project's namespaces, links and cgroups
HOST_LINK = f"{PREFIX}0"  # the host's end of its link to the bridge
SWITCH = f"{PREFIX}-switch"  # network namespace of the bridge
BRIDGE_NETWORK = "10.99.0"
BRIDGE_ADDRESS = "10.99.0.1"
BRIDGE_PREFIX_LENGTH = 24
FIRST_CONTROLLER = 2  # last number of the first controller's address on the bridge
MAX_CONTROLLERS = 9
FIRST_NODE = 11
MAX_NODES = 200
LOOPBACK = "127.0.0.1"
POD_RANGE = "10.244.{number}.0/24"
SERVICE_RANGE = "10.96.0.0/16"
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 16443
ETCD_PORT = 12379
ETCD_PEER_PORT = 12380
CONTROLLER_MANAGER_PORT = 11257
SCHEDULER_PORT = 11259
DNS_PORT = 53
DNS_READY_PORT = 18181
KUBELET_PORT = 10250
SOCKET_PATH_LIMIT = 100  # the kernel's is 107 bytes; a node's folder is part of it


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node's name and addresses."""

    number: int  # counted from 1

    @property
    def name(self) -> str:
        """Name of the node in the API server."""
        return f"node-{self.number}"

    @property
    def address(self) -> str:
        """Address on the bridge."""
        return f"10.99.0.{FIRST_NODE + self.number - 1}"

    @property
    def pod_range(self) -> str:
        """Addresses of its pods, as a CIDR."""
        return POD_RANGE.format(number=self.number)

    @property
    def namespace(self) -> str:
        """Name of its network namespace."""
        return f"{PREFIX}-{self.name}"

    @property
    def link(self) -> str:
        """The bridge's end of its link."""
        return self.name

    @property
    def cgroup(self) -> str:
        """Name of its group in every cgroup hierarchy."""
        return f"{PREFIX}/{self.name}"


def nodes(count: int) -> tuple[Node, ...]:
    """The nodes of a cluster of that size."""
    return tuple(Node(number=number) for number in range(1, count + 1))


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports of the control plane; another cluster on the same machine uses others."""

    api: int = API_PORT
    etcd: int = ETCD_PORT
    etcd_peer: int = ETCD_PEER_PORT
    controller_manager: int = CONTROLLER_MANAGER_PORT
    scheduler: int = SCHEDULER_PORT


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of a control plane other than its ports."""

    qps: int = 200  # requests/s of each built-in controller and the scheduler; burst: twice that
    is_audited: bool = False  # log of who asked the API server for what


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Paths below the state folder, and the addresses of the API server and its helpers."""

    root: Path
    api_address: str
    ports: Ports = Ports()
    tuning: Tuning = Tuning()

    @property
    def api_url(self) -> str:
        """Address where clients reach the API server."""
        return f"https://{self.api_address}:{self.ports.api}"

    @property
    def pki(self) -> Path:
        """Certificates and keys of the control plane."""
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        """Output of the control plane's processes."""
        return self.root / "log"

    @property
    def config(self) -> Path:
        """Configuration files of the control plane and of controllers."""
        return self.root / "config"

    @property
    def audit_log(self) -> Path:
        """One JSON object per request to the API server, where the tuning asks for it."""
        return self.logs / "audit.log"

    @property
    def etcd(self) -> Path:
        """The database."""
        return self.root / "etcd"

    @property
    def state_file(self) -> Path:
        """File with the cluster's owner and processes."""
        return self.root / "state.json"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one user."""
        return self.root / "kubeconfig" / f"{user}.yaml"

    def node(self, node: Node) -> Path:
        """Folder of everything that belongs to one node."""
        return self.root / node.name

    def require_short(self) -> None:
        """ClusterError when socket paths below the state folder would be too long."""
        longest = len(str(self.root / "node-200" / "containerd.sock"))
        if longest > SOCKET_PATH_LIMIT:
            msg = (
                f"{self.root} is too long for socket paths; set a shorter OPERATOR_BENCHMARK_STATE"
            )
            raise ClusterError(msg)
