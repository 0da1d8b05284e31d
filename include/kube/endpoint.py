"""A client for an API server that is known by its address, with tokens that are renewed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from kubernetes import client, config
from urllib3.connection import HTTPConnection

from include.kube.client import RETRY, Kube

if TYPE_CHECKING:
    from collections.abc import Callable

# A log that is silent for minutes would be cut by the load balancer before an API server.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)


def connect(
    server: str, *, certificate_authority: str, token: Callable[[], str], namespace: str
) -> Kube:
    """A client that asks `token` for a bearer token at each request.

    `server` is a URL, `certificate_authority` the base64 of a PEM certificate. No file holds the
    token; the certificate, which is public, lies in one until the process ends.
    """
    cluster = {"server": server, "certificate-authority-data": certificate_authority}
    kubeconfig = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {}}],
    }
    settings = client.Configuration()
    settings.retries = RETRY
    settings.socket_options = [*HTTPConnection.default_socket_options, *KEEP_ALIVE]
    config.kube_config.KubeConfigLoader(kubeconfig).load_and_set(settings)

    def renew(current: client.Configuration) -> None:
        current.api_key["authorization"] = f"Bearer {token()}"

    settings.refresh_api_key_hook = renew
    renew(settings)  # without a key at hand the client would not ask for one
    return Kube(client.ApiClient(settings), namespace=namespace)
