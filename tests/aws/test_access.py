"""Tokens for the API server: the right request is signed, and anew before the last one is old."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from include.aws import access, session
from include.aws.access import Token
from tests.aws.account import REGION


@pytest.fixture
def signer(aws):
    return session.session(REGION)


def url_of(token):
    prefix, _, encoded = token.partition(".")
    assert prefix == "k8s-aws-v1"
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def fixed_part(token):
    """The signed address without what changes from second to second."""
    parts = urlsplit(url_of(token))
    query = parse_qs(parts.query)
    for volatile in ("X-Amz-Date", "X-Amz-Signature"):
        assert query.pop(volatile)
    return parts.scheme, parts.netloc, parts.path, query


def test_signs_the_same_request_as_the_amazon_provider(signer):
    from airflow.providers.amazon.aws.utils.eks_get_token import fetch_access_token_for_cluster

    sts = f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    theirs = fetch_access_token_for_cluster("bench", sts, REGION, session=signer)
    ours = Token(signer, cluster="bench", region=REGION)()
    assert fixed_part(ours) == fixed_part(theirs)
    assert "x-k8s-aws-id" in fixed_part(ours)[3]["X-Amz-SignedHeaders"][0]


def test_token_is_kept_for_ten_minutes_and_then_signed_anew(signer, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(access.time, "monotonic", lambda: now[0])
    token = Token(signer, cluster="bench", region=REGION)
    signed = []
    monkeypatch.setattr(token, "_sign", lambda: signed.append(now[0]) or f"t{len(signed)}")
    values = []
    for later in (0, 599, 1, 599, 1):
        now[0] += later
        values.append(token())
    assert values == ["t1", "t1", "t2", "t2", "t3"]


def test_credentials_that_were_renewed_sign_the_next_token(monkeypatch):
    """A run outlives the credentials of an assumed role: they change under the same session."""
    from botocore.credentials import RefreshableCredentials

    now = datetime.now(UTC)
    issued = []

    def renew():
        issued.append(f"KEY{len(issued)}")
        return {
            "access_key": issued[-1],
            "secret_key": "testing",
            "token": "testing",
            "expiry_time": (now + timedelta(minutes=1)).isoformat(),
        }

    found = boto3.Session(region_name=REGION)
    found._session._credentials = RefreshableCredentials.create_from_metadata(
        renew(), refresh_using=renew, method="test"
    )
    monkeypatch.setattr(access, "TOKEN_S", 0.0)
    token = Token(found, cluster="bench", region=REGION)
    keys = {fixed_part(token())[3]["X-Amz-Credential"][0].split("/")[0] for _ in range(2)}
    assert keys <= set(issued)
    assert len(keys) == 2


def test_china_has_its_own_service(signer):
    token = Token(signer, cluster="bench", region="cn-north-1")()
    assert urlsplit(url_of(token)).netloc == "sts.cn-north-1.amazonaws.com.cn"
