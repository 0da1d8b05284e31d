from __future__ import annotations

import re

from cryptography.hazmat.primitives.asymmetric import x25519

from include.k8s_operators import _curve

KEY = re.compile(r'^    (public|secret)-key = "([^"]{40})"$', re.MULTILINE)


def decoded(text):
    """The bytes behind a Z85 text."""
    values = [_curve._Z85.index(digit) for digit in text]
    words = (values[place : place + 5] for place in range(0, len(values), 5))
    return b"".join(sum(v * 85**p for p, v in enumerate(reversed(w))).to_bytes(4) for w in words)


def test_text_form_is_that_of_zeromqs_own_test_vector():
    assert _curve.z85(bytes.fromhex("864FD26FB559F75B")) == "HelloWorld"  # RFC 32


def test_certificate_has_the_form_that_flux_reads():
    lines = _curve.certificate("demo-r1").splitlines()
    assert lines[:3] == ["metadata", '    name = "demo-r1"', "curve"]
    assert [line.partition(" = ")[0] for line in lines[3:]] == ["    public-key", "    secret-key"]


def test_keys_of_a_certificate_are_a_pair_and_each_certificate_has_its_own():
    found = [dict(KEY.findall(_curve.certificate("x"))) for _ in range(2)]
    assert found[0]["secret"] != found[1]["secret"]
    for keys in found:
        secret = x25519.X25519PrivateKey.from_private_bytes(decoded(keys["secret"]))
        assert secret.public_key().public_bytes_raw() == decoded(keys["public"])
