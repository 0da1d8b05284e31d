"""A client for an API server given by its address, with renewed tokens."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from kubernetes import client, config
from urllib3.connection import HTTPConnection

from include.kube.client import RETRY, Kube

if TYPE_CHECKING:
    from collections.abc import Callable

# A load balancer in front of an API server would cut a log that is silent for minutes.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)


def connect(
    server: str, *, certificate_authority: str, token: Callable[[], str], namespace: str
) -> Kube:
    """A client that calls `token` for a bearer token at each request.

    `server` is a URL, `certificate_authority` the base64 of a PEM certificate. No file holds the
    token; the certificate, which is public, is in one until the process ends.
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
    renew(settings)  # without an existing key the client would not ask for one
    return Kube(client.ApiClient(settings), namespace=namespace)
