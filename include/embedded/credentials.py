"""One credential for each program and person of the cluster, with the least rights needed.

Kubernetes takes a certificate's common name as the user and its organisation as the group; it
grants rights of its own accord to the `system:` names below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from include.embedded.certificates import Authority, Identity, KeyPair, service_account_keys
from include.embedded.layout import CLUSTER_DOMAIN, LOOPBACK, Node
from include.files import PRIVATE, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from include.embedded.layout import Layout

ADMIN = "admin"
PIPELINE = "pipeline"
COREDNS = "coredns"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
CLIENTS = {
    ADMIN: Identity(user="operator-benchmark:admin", group="system:masters"),
    PIPELINE: Identity(user="operator-benchmark:pipeline"),
    COREDNS: Identity(user="operator-benchmark:coredns"),
    CONTROLLER_MANAGER: Identity(user="system:kube-controller-manager"),
    SCHEDULER: Identity(user="system:kube-scheduler"),
}
SERVICE_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
)
FIRST_SERVICE_ADDRESS = "10.96.0.1"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Files of the cluster's authority; its key is kept, since controllers come later."""

    pki: Path

    @property
    def authority(self) -> KeyPair:
        """The authority of the API server, its clients and the kubelets."""
        return KeyPair(certificate=self.pki / "ca.crt", key=self.pki / "ca.key")

    @property
    def etcd_authority(self) -> Path:
        """The certificate of etcd's own authority: no client of the API server can use etcd."""
        return self.pki / "etcd-ca.crt"

    def pair(self, name: str) -> KeyPair:
        """Certificate and key of this name."""
        return KeyPair(certificate=self.pki / f"{name}.crt", key=self.pki / f"{name}.key")


def create_all(layout: Layout) -> Trust:
    """Make both authorities, all certificates of the control plane, and the kubeconfigs."""
    for folder in (layout.pki, layout.kubeconfig(ADMIN).parent):
        folder.mkdir(parents=True, exist_ok=True)
    trust = Trust(pki=layout.pki)
    authority = Authority.create("operator-benchmark")
    authority.store(trust.authority)
    _issue_etcd(trust)
    _issue_api_server(authority, layout)
    for name, identity in CLIENTS.items():
        authority.issue(identity, folder=layout.pki, name=name)
        write_kubeconfig(layout, user=name)
    for name in (CONTROLLER_MANAGER, SCHEDULER):
        serving = Identity(user=name, addresses=(LOOPBACK,), is_server=True, is_client=False)
        authority.issue(serving, folder=layout.pki, name=f"{name}-serving")
    service_account_keys(layout.pki)
    return trust


def _issue_etcd(trust: Trust) -> None:
    """Issue etcd's certificates from an authority whose key is then discarded."""
    authority = Authority.create("operator-benchmark-etcd")
    authority.store_certificate(trust.etcd_authority)
    serving = Identity(user="etcd", addresses=(LOOPBACK,), is_server=True)
    authority.issue(serving, folder=trust.pki, name="etcd")
    authority.issue(Identity(user="kube-apiserver"), folder=trust.pki, name="apiserver-etcd")


def _issue_api_server(authority: Authority, layout: Layout) -> None:
    addresses = tuple(dict.fromkeys((layout.api_address, LOOPBACK, FIRST_SERVICE_ADDRESS)))
    serving = Identity(
        user="kube-apiserver",
        addresses=(*addresses, *SERVICE_NAMES),
        is_server=True,
        is_client=False,
    )
    authority.issue(serving, folder=layout.pki, name="apiserver")
    kubelet_client = Identity(user="operator-benchmark:apiserver")
    authority.issue(kubelet_client, folder=layout.pki, name="apiserver-kubelet")


def issue_node(layout: Layout, node: Node, *, inside: Path) -> None:
    """Issue a node's client and serving certificates and its kubeconfig, in the node's own folder.

    `inside` is that folder's path as the node sees it.
    """
    trust = Trust(pki=layout.pki)
    authority = Authority.load(trust.authority)
    folder = layout.node(node) / "pki"
    folder.mkdir(parents=True, exist_ok=True)
    authority.store_certificate(folder / "ca.crt")
    kubelet = Identity(user=f"system:node:{node.name}", group="system:nodes")
    authority.issue(kubelet, folder=folder, name="kubelet")
    serving = Identity(
        user=f"system:node:{node.name}",
        group="system:nodes",
        addresses=(node.address, node.name),
        is_server=True,
        is_client=False,
    )
    authority.issue(serving, folder=folder, name="kubelet-serving")
    content = kubeconfig(layout.api_url, pki=inside / "pki", user="kubelet")
    write_secret(layout.node(node) / "kubelet.kubeconfig", content)


def issue_controller(layout: Layout, name: str) -> Path:
    """The kubeconfig of a controller, made if missing; user and file are `name`."""
    path = layout.kubeconfig(name)
    if not path.exists():
        trust = Trust(pki=layout.pki)
        for stale in (trust.pair(name).certificate, trust.pair(name).key):
            stale.unlink(missing_ok=True)
        authority = Authority.load(trust.authority)
        authority.issue(Identity(user=controller_user(name)), folder=layout.pki, name=name)
        write_kubeconfig(layout, user=name)
    return path


def controller_user(name: str) -> str:
    """The Kubernetes user that a controller runs as."""
    return f"operator-benchmark:{name}"


def revoke(layout: Layout, names: Iterable[str]) -> None:
    """Remove credentials from the state folder."""
    for name in names:
        pair = Trust(pki=layout.pki).pair(name)
        for path in (layout.kubeconfig(name), pair.certificate, pair.key):
            path.unlink(missing_ok=True)


def write_kubeconfig(layout: Layout, *, user: str) -> None:
    """Store the kubeconfig of a user whose certificate is among the control plane's."""
    content = kubeconfig(layout.api_url, pki=layout.pki, user=user)
    write_secret(layout.kubeconfig(user), content)


def kubeconfig(api_url: str, *, pki: Path, user: str) -> str:
    """A kubeconfig that refers to its certificate files, so that no client copies the key."""
    cluster = {"server": api_url, "certificate-authority": str(pki / "ca.crt")}
    client = {
        "client-certificate": str(pki / f"{user}.crt"),
        "client-key": str(pki / f"{user}.key"),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": user, "user": client}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }
    return yaml.safe_dump(content, sort_keys=False)


def write_secret(path: Path, content: str) -> None:
    """Store a text atomically, readable by its owner only."""
    write_whole(path, content, mode=PRIVATE)
