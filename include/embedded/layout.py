"""Names, addresses and paths of the embedded cluster: each is written here once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "opb"  # namespaces, links and cgroups of this project begin with it
HOST_LINK = f"{PREFIX}0"  # the host's end of its link to the bridge
SWITCH = f"{PREFIX}-switch"  # the network namespace that the bridge is in
BRIDGE_NETWORK = "10.99.0"
BRIDGE_ADDRESS = "10.99.0.1"
BRIDGE_PREFIX_LENGTH = 24
FIRST_CONTROLLER = 2  # last number of the address of the first controller on the bridge
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
SOCKET_PATH_LIMIT = 100  # the kernel's is 107 bytes; a node's folder is a part of it


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node's name and addresses."""

    number: int  # counted from 1

    @property
    def name(self) -> str:
        """As the API server knows it."""
        return f"node-{self.number}"

    @property
    def address(self) -> str:
        """On the bridge."""
        return f"10.99.0.{FIRST_NODE + self.number - 1}"

    @property
    def pod_range(self) -> str:
        """Addresses of its pods, as a CIDR."""
        return POD_RANGE.format(number=self.number)

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"{PREFIX}-{self.name}"

    @property
    def link(self) -> str:
        """The bridge's end of its link."""
        return self.name

    @property
    def cgroup(self) -> str:
        """Its part of every cgroup hierarchy."""
        return f"{PREFIX}/{self.name}"


def nodes(count: int) -> tuple[Node, ...]:
    """The nodes of a cluster of that size."""
    return tuple(Node(number=number) for number in range(1, count + 1))


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the control plane listens; another cluster on the same machine has others."""

    api: int = API_PORT
    etcd: int = ETCD_PORT
    etcd_peer: int = ETCD_PEER_PORT
    controller_manager: int = CONTROLLER_MANAGER_PORT
    scheduler: int = SCHEDULER_PORT


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of a control plane other than its ports."""

    qps: int = 200  # requests/s of each built-in controller and the scheduler; burst: twice that
    is_audited: bool = False  # who asked the API server for what is written down


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Paths below the state folder, and where the API server and its helpers listen."""

    root: Path
    api_address: str
    ports: Ports = Ports()
    tuning: Tuning = Tuning()

    @property
    def api_url(self) -> str:
        """Where clients find the API server."""
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
        """Whose cluster this is, and its processes."""
        return self.root / "state.json"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one user."""
        return self.root / "kubeconfig" / f"{user}.yaml"

    def node(self, node: Node) -> Path:
        """All that is a node's own."""
        return self.root / node.name

    def require_short(self) -> None:
        """ClusterError when sockets below the state folder would have too long a path."""
        longest = len(str(self.root / "node-200" / "containerd.sock"))
        if longest > SOCKET_PATH_LIMIT:
            msg = (
                f"{self.root} is too long a path for sockets; set OPERATOR_BENCHMARK_STATE shorter"
            )
            raise ClusterError(msg)
