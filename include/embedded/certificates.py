"""The cluster's own certificate authority: elliptic-curve keys that last as long as the study."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from include.errors import ClusterError
from include.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

BACKDATE = timedelta(minutes=5)  # clocks of network namespaces agree; those of users may not
LIFETIME = timedelta(days=7)  # the longest study is three days


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The subject (Kubernetes user and group) and the addresses of a certificate."""

    user: str
    group: str | None = None
    addresses: tuple[str, ...] = ()  # IP addresses or DNS names that it serves
    is_server: bool = False
    is_client: bool = True


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Files of a certificate and its private key."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority: a key, and the certificate by which others trust it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.key = key
        self.certificate = certificate

    @classmethod
    def create(cls, name: str) -> Authority:
        """A new authority, in this process's memory until it is stored."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject=subject, issuer=subject, public_key=key.public_key())
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def load(cls, pair: KeyPair) -> Authority:
        """A stored authority; ClusterError when its files are missing or broken."""
        try:
            key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        except (OSError, ValueError) as err:
            msg = f"the cluster's authority {pair.certificate} cannot be read: {err}; `make clean`"
            raise ClusterError(msg) from err
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            msg = f"{pair.key} is not an elliptic-curve key; run `make clean`"
            raise ClusterError(msg)
        return cls(key, certificate)

    def store_certificate(self, path: Path) -> Path:
        """Write the certificate alone, for an authority that must not sign any more."""
        write_whole(path, self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def store(self, pair: KeyPair) -> None:
        """Write certificate and key, so that a later process can issue more."""
        self.store_certificate(pair.certificate)
        write_private_key(pair.key, self.key)

    def issue(self, identity: Identity, *, folder: Path, name: str) -> KeyPair:
        """Make a key and a certificate for the identity; only the owner can read the key file."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, identity.user)]
        if identity.group:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.group))
        builder = _builder(
            subject=x509.Name(parts),
            issuer=self.certificate.subject,
            public_key=key.public_key(),
        )
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer_key, critical=False)
        signed = _with_uses(builder, identity).sign(self.key, hashes.SHA256())
        pair = KeyPair(certificate=folder / f"{name}.crt", key=folder / f"{name}.key")
        write_whole(pair.certificate, signed.public_bytes(serialization.Encoding.PEM))
        write_private_key(pair.key, key)
        return pair


def write_private_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Store a private key, unencrypted, with mode 0600 from its first byte."""
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def service_account_keys(folder: Path) -> KeyPair:
    """The key pair that signs and checks service account tokens (`.crt` is the bare public key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = KeyPair(certificate=folder / "service-account.crt", key=folder / "service-account.key")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_whole(pair.certificate, public)
    write_private_key(pair.key, key)
    return pair


def _with_uses(builder: x509.CertificateBuilder, identity: Identity) -> x509.CertificateBuilder:
    uses = []
    if identity.is_client:
        uses.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    if identity.is_server:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    )
    if not identity.addresses:
        return builder
    names = x509.SubjectAlternativeName([_general_name(text) for text in identity.addresses])
    return builder.add_extension(names, critical=False)


def _builder(
    *, subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + LIFETIME)
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
