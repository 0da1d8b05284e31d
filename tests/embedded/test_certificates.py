from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from include.embedded.certificates import Authority, Identity, KeyPair, service_account_keys
from include.errors import ClusterError


def load(pair):
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def test_a_client_is_named_by_user_and_group(tmp_path):
    identity = Identity(user="system:node:node-1", group="system:nodes")
    pair = Authority.create("test").issue(identity, folder=tmp_path, name="kubelet")
    subject = load(pair).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:node-1"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert isinstance(load(pair).public_key(), ec.EllipticCurvePublicKey)
    assert pair.key.stat().st_mode & 0o777 == 0o600


def test_a_server_certificate_cannot_be_used_by_a_client(tmp_path):
    identity = Identity(user="x", addresses=("127.0.0.1", "a.svc"), is_server=True, is_client=False)
    found = load(Authority.create("test").issue(identity, folder=tmp_path, name="x"))
    uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1", "a.svc"]


def test_a_strict_verifier_accepts_the_authoritys_own_and_no_others(tmp_path):
    own, other = Authority.create("own"), Authority.create("other")
    identity = Identity(user="x", addresses=("a.svc",), is_server=True)
    leaf = load(own.issue(identity, folder=tmp_path, name="x"))
    verify = (
        PolicyBuilder().store(Store([own.certificate])).build_server_verifier(x509.DNSName("a.svc"))
    )
    assert verify.verify(leaf, [])[0] == leaf
    stranger = (
        PolicyBuilder()
        .store(Store([other.certificate]))
        .build_server_verifier(x509.DNSName("a.svc"))
    )
    with pytest.raises(VerificationError):
        stranger.verify(leaf, [])


def test_a_stored_authority_issues_more(tmp_path):
    pair = KeyPair(certificate=tmp_path / "ca.crt", key=tmp_path / "ca.key")
    Authority.create("test").store(pair)
    assert pair.key.stat().st_mode & 0o777 == 0o600
    issued = load(Authority.load(pair).issue(Identity(user="late"), folder=tmp_path, name="late"))
    assert issued.issuer == load(pair).subject


def test_a_missing_authority_is_named(tmp_path):
    pair = KeyPair(certificate=tmp_path / "ca.crt", key=tmp_path / "ca.key")
    with pytest.raises(ClusterError, match=r"ca\.crt cannot be read.*make clean"):
        Authority.load(pair)


def test_a_key_is_never_overwritten(tmp_path):
    service_account_keys(tmp_path)
    with pytest.raises(FileExistsError):
        service_account_keys(tmp_path)
