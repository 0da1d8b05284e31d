"""Health checks of components: over verified TLS, or in plain text where there is no other way."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING

from include.embedded.credentials import ADMIN, Trust

if TYPE_CHECKING:
    from pathlib import Path

    from include.embedded.layout import Layout

TIMEOUT_S = 2.0
OK = 200


def answers_in_plain(address: str, *, port: int, path: str) -> bool:
    """True if a health port answers `ok`; these ports of CoreDNS and controllers have no TLS."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def answers(layout: Layout, address: str, *, port: int, path: str) -> bool:
    """True if a component of the cluster answers `ok` to the administrator."""
    try:
        status, _ = get(layout, address, port=port, path=path, user=ADMIN)
    except OSError:  # not started yet, or not answering yet
        return False
    return status == OK


def get(
    layout: Layout, address: str, *, port: int, path: str, user: str | None
) -> tuple[int, bytes]:
    """Status and body of one GET over verified TLS; with `user` None, without a certificate.

    OSError when there is no answer.
    """
    connection = http.client.HTTPSConnection(
        address, port, timeout=TIMEOUT_S, context=_tls(layout.pki, user)
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as err:
        raise ConnectionError(str(err)) from err
    finally:
        connection.close()


def _tls(pki: Path, user: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(Trust(pki=pki).authority.certificate))
    if user is not None:
        pair = Trust(pki=pki).pair(user)
        context.load_cert_chain(pair.certificate, pair.key)
    return context
