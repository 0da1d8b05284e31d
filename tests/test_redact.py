import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.redact import LONGEST_PEM_LINES, MARK, redact, redact_lines
from tests.parsers.synthetic_logs import NO_RUN6, RUN6

# Synthetic secrets, put together so that no scanner takes this file for a leak.
BASE64 = "MIIEowIBAAKCAQEA" + "x9Zq" * 12
CURVE = "made.up*" * 5
WORD = "s3cr3tV4lue"
JWT = "eyJ" + "hbGciOiJSUzI1NiJ9" + "." + "eyJzdWIiOiJzYSJ9" + "." + "c2lnbmF0dXJl"
PEM_HEADS = ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"]
LINES = [
    f'    secret-key = "{CURVE}"',
    f"Authorization: Bearer {WORD}{WORD}",
    f"authorization: basic {WORD}{WORD}",
    f"token: {WORD}",
    f'"token": "{WORD}"',
    f'{{"log": "{{\\"password\\": \\"{WORD}\\"}}"}}',
    f"client-key-data: {'LS0tLS1' + 'CRUdJTiBSU0Eg'}{WORD}",
    f"aws_secret_access_key = {WORD}",
    f"export AWS_SECRET_ACCESS_KEY={WORD}",
    f"AWS_SESSION_TOKEN='{WORD}'",
    f"clone https://user:{WORD}@host.example/x",
    f"postgresql://a:{WORD}@b@host.example/db",
    f"GET /x?X-Amz-Signature={WORD}&b=1",
    f"mysql --password {WORD} -h x",
    f"curl -H 'Bearer {WORD}'",
    f"  tls.key: {WORD}",
    f"ssh-privatekey: {WORD}",
    f"POSTGRES_PASSWORD: {WORD}",
    f"jwt {JWT} end",
    f"k8s-aws-v1.{WORD}",
    "id " + "AKIA" + "ABCDEFGHIJKLMNOP",
    "id " + "ASIA" + "ABCDEFGHIJKLMNOP",
    "pat " + "ghp_" + "a1" * 18,
    "slack " + "xoxb-" + "1234567890-abc",
]
HARMLESS = [
    "automountServiceAccountToken: false",
    "secretName: ssh-auth",
    "path: token",
    "tokens: 5",
    "author: me",
    "password:",
    'public-key = "ei>76T9)Hbd0Hf"',
    "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "image: host.example/path@sha256:5a4ae183",
    "     100    302.58671   -113.28532    10369.054    -111.5866   -1.6987205     56153840",
    "Loop time of 44.004 on 1504 procs for 100 steps with 4980736 atoms",
    "tcp://eth0:%p and https://host.example:8080/a@b",
]


def pem(head: str, prefix: str = "", end: str = "\n") -> str:
    rows = [f"-----BEGIN {head}-----", BASE64, BASE64, "Ab3=", f"-----END {head}-----"]
    return "".join(prefix + row + end for row in rows)


@pytest.mark.parametrize("line", LINES)
def test_secret_of_each_kind_goes_and_stays_gone(line):
    found = redact(line)
    assert MARK in found
    for secret in (WORD, CURVE, JWT, "ABCDEFGHIJKLMNOP", "a1a1", "1234567890-abc"):
        assert secret not in found
    assert redact(found) == found


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_stays(line):
    assert redact(line) == line


def test_json_stays_json():
    line = json.dumps({"token": WORD, "inner": json.dumps({"password": WORD, "n": 1})})
    found = json.loads(redact(line))
    assert found["token"] == MARK
    assert json.loads(found["inner"]) == {"password": MARK, "n": 1}


@pytest.mark.parametrize("head", PEM_HEADS)
@pytest.mark.parametrize("prefix", ["", "    ", "2026-11-22T06:20:40.123456789Z ", "+ "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_private_key_over_several_lines_goes(head, prefix, end):
    text = "before\n" + pem(head, prefix, end) + "Loop time of 1 on 2\n"
    found = redact(text)
    assert BASE64 not in found
    assert found.count("\n") == text.count("\n")
    assert found.endswith("Loop time of 1 on 2\n")
    assert f"-----END {head}-----" in found
    assert redact(found) == found


def test_private_key_on_one_line_goes():
    found = redact('{"key": "' + pem("PRIVATE KEY").replace("\n", "\\n") + '", "n": 1}')
    assert BASE64 not in found
    assert found.endswith('"n": 1}')


def test_key_text_that_begins_or_ends_inside_a_line_goes():
    text = (
        f"x -----BEGIN PRIVATE KEY-----{BASE64}\n{BASE64}-----END PRIVATE KEY----- token: {WORD}\n"
    )
    found = redact(text)
    assert BASE64 not in found
    assert WORD not in found


def test_key_that_follows_a_key_on_the_same_line_goes():
    text = pem("PRIVATE KEY").rstrip("\n") + pem("EC PRIVATE KEY")
    assert BASE64 not in redact(text)


def test_encrypted_key_loses_its_fields_too():
    text = pem("RSA PRIVATE KEY").replace(BASE64, f"DEK-Info: AES-128-CBC,{WORD}\n{BASE64}", 1)
    assert WORD not in redact(text)


def test_key_that_never_ends_does_not_swallow_the_log():
    row = "     100    302.58671   -113.28532    10369.054     56153840\n"
    text = f"-----BEGIN PRIVATE KEY-----\n{BASE64}\n" + row * (LONGEST_PEM_LINES + 5)
    found = redact(text)
    assert BASE64 not in found
    assert found.count(row) == LONGEST_PEM_LINES + 5
    late = text + f"sha256:{BASE64}\n"
    assert redact(late).endswith(f"sha256:{BASE64}\n")


@given(st.text(), st.sampled_from(LINES), st.text())
def test_redacting_is_stable_and_keeps_the_lines(before, line, after):
    found = redact(f"{before}\n{line}\n{after}")
    assert redact(found) == found
    assert found.count("\n") == f"{before}\n{line}\n{after}".count("\n")


@given(st.lists(st.sampled_from([*LINES, *HARMLESS, *pem("PRIVATE KEY").splitlines()])))
def test_stream_and_text_agree(rows):
    lines = [row + "\n" for row in rows]
    assert "".join(redact_lines(lines)) == redact("".join(lines))


@pytest.mark.parametrize(
    "unit", ["a", "a.", "eyJaaaaaaaa-", "-----BEGIN ", "password", "A_", "http://", '"', 'token: "']
)
def test_hostile_long_line_takes_linear_time(unit):
    start = time.process_time()
    found = redact(unit * (200_000 // len(unit)))
    assert found
    assert time.process_time() - start < 5


@pytest.mark.skipif(not RUN6.is_dir(), reason=NO_RUN6)
def test_the_81_flux_logs_lose_their_key_and_nothing_else():
    paths = sorted(RUN6.glob("flux_operator/*/*/log.out"))
    assert len(paths) == 81
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        (key,) = set(re.findall(r'secret-key = "(.*)"', text))
        found = redact(text)
        assert key not in found
        assert found == text.replace(key, MARK)
