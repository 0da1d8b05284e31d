from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from include.embedded import credentials
from include.embedded.certificates import Authority
from include.embedded.layout import Node


@pytest.fixture
def trust(layout):
    return credentials.create_all(layout)


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_every_client_has_its_own_credential(layout, trust):
    for name in credentials.CLIENTS:
        loaded = yaml.safe_load(layout.kubeconfig(name).read_text())
        user = loaded["users"][0]["user"]
        assert user == {
            "client-certificate": str(layout.pki / f"{name}.crt"),
            "client-key": str(layout.pki / f"{name}.key"),
        }
        assert loaded["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:16443"
        assert "insecure" not in layout.kubeconfig(name).read_text()
        assert layout.kubeconfig(name).stat().st_mode & 0o777 == 0o600


def test_only_the_administrator_is_in_a_group_that_may_everything(layout, trust):
    masters = [
        name
        for name in credentials.CLIENTS
        if certificate(trust.pair(name).certificate).subject.get_attributes_for_oid(
            NameOID.ORGANIZATION_NAME
        )
    ]
    assert masters == ["admin"]


def test_no_client_of_the_api_server_can_use_etcd(layout, trust):
    etcd_authority = certificate(trust.etcd_authority)
    issuers = {
        path.name: certificate(path).issuer
        for path in layout.pki.glob("*.crt")
        if path.name != "service-account.crt"
    }
    of_etcd = {name for name, issuer in issuers.items() if issuer == etcd_authority.subject}
    assert of_etcd == {"etcd.crt", "etcd-ca.crt", "apiserver-etcd.crt"}
    assert not (layout.pki / "etcd-ca.key").exists()


def test_a_node_sees_its_own_paths_and_no_authority_key(layout, trust):
    credentials.issue_node(layout, Node(number=2), inside=Path("/run/node"))
    folder = layout.node(Node(number=2))
    loaded = yaml.safe_load((folder / "kubelet.kubeconfig").read_text())
    assert loaded["users"][0]["user"]["client-key"] == "/run/node/pki/kubelet.key"
    assert not list(folder.rglob("ca.key"))
    subject = certificate(folder / "pki" / "kubelet.crt").subject.rfc4514_string()
    assert subject == "CN=system:node:node-2,O=system:nodes"


def test_a_controller_gets_its_credential_once_and_loses_it(layout, trust):
    path = credentials.issue_controller(layout, "mpi-operator")
    content = trust.pair("mpi-operator").certificate.read_bytes()
    assert credentials.issue_controller(layout, "mpi-operator") == path
    assert trust.pair("mpi-operator").certificate.read_bytes() == content
    credentials.revoke(layout, ("mpi-operator",))
    assert not path.exists()
    assert not trust.pair("mpi-operator").key.exists()
    assert credentials.issue_controller(layout, "mpi-operator").exists()


def test_the_authority_on_disk_is_the_clusters(layout, trust):
    assert Authority.load(trust.authority).certificate == certificate(trust.authority.certificate)
