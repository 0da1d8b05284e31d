"""A CURVE certificate of ZeroMQ for the brokers of one Flux job; made per job, never stored."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

# ZeroMQ RFC 32: encodes four bytes as five of these.
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_BASE = 85
_GROUP = 4
_DIGITS = 5
# All values quoted, including the mandatory name: others are refused (flux-core 0.88).
_CERTIFICATE = """\
metadata
    name = "{name}"
curve
    public-key = "{public}"
    secret-key = "{secret}"
"""


def certificate(name: str) -> str:
    """A fresh key pair in the format of Flux's broker."""
    key = x25519.X25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return _CERTIFICATE.format(name=name, public=z85(public), secret=z85(secret))


def z85(data: bytes) -> str:
    """The bytes, a multiple of four, encoded as in ZeroMQ RFC 32."""
    words = (data[place : place + _GROUP] for place in range(0, len(data), _GROUP))
    return "".join(_word(int.from_bytes(word)) for word in words)


def _word(value: int) -> str:
    digits = (value // _BASE**power % _BASE for power in reversed(range(_DIGITS)))
    return "".join(_Z85[digit] for digit in digits)
