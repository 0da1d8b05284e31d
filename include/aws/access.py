"""Access to a cluster's API server: made where it is used, stored in no file."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from botocore.model import ServiceId
from botocore.signers import RequestSigner

from include.kube import endpoint

if TYPE_CHECKING:
    import boto3

    from include.kube.client import Kube

TOKEN_S = 600.0  # EKS accepts a token for 15 minutes
SIGNED_FOR_S = 60


class Token:
    """A bearer token for one cluster, signed again when it gets old.

    It is a signed STS call that names the caller, bound to the cluster (header `x-k8s-aws-id`), as
    `aws eks get-token` makes it. Signing takes milliseconds and calls no service. Credentials that
    the session renews are used from the next token on.
    """

    def __init__(self, session: boto3.Session, *, cluster: str, region: str) -> None:
        self._session = session
        self._cluster = cluster
        self._region = region
        self._value = ""
        self._signed_at = -TOKEN_S

    def __call__(self) -> str:
        """A token with several minutes left."""
        now = time.monotonic()
        if now - self._signed_at >= TOKEN_S or not self._value:
            self._value, self._signed_at = self._sign(), now
        return self._value

    def _sign(self) -> str:
        signer = RequestSigner(
            ServiceId("sts"),
            self._region,
            "sts",
            "v4",
            self._session.get_credentials(),
            self._session.events,
        )
        suffix = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        host = f"https://sts.{self._region}.{suffix}/"
        request = {
            "method": "GET",
            "url": f"{host}?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": self._cluster},
            "context": {},
        }
        url = signer.generate_presigned_url(
            request, region_name=self._region, expires_in=SIGNED_FOR_S, operation_name=""
        )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def connect(eks: Any, session: boto3.Session, *, cluster: str, region: str, namespace: str) -> Kube:
    """A client of the cluster's API server that renews its token as long as it is used."""
    described = eks.describe_cluster(name=cluster)["cluster"]
    return endpoint.connect(
        described["endpoint"],
        certificate_authority=described["certificateAuthority"]["data"],
        token=Token(session, cluster=cluster, region=region),
        namespace=namespace,
    )
