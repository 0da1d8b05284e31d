"""The part of a kubelet that serves container logs to the API server, for all simulated nodes.

KWOK 0.8 serves logs too, but followed logs never end there: it takes every container for running
(`runtimeServiceStub`), and each point would wait for the end in vain.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from include.embedded.access import APISERVER_USER
from include.embedded.layout import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.simulation.plays import Plays

CONTAINER_LOGS = "containerLogs"
IDLE_S = 30.0
FOUND, FORBIDDEN, NOT_FOUND = 200, 403, 404


class LogServer(ThreadingHTTPServer):
    """Serves `/containerLogs/<namespace>/<pod>/<container>` over TLS, to the API server only."""

    daemon_threads = True

    def __init__(self, *, port: int, pki: Path, plays: Plays) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.plays = plays
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pki / "simulated-kubelet.crt", pki / "simulated-kubelet.key")
        context.load_verify_locations(pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        # The handler does the handshake: a slow client blocks nobody else.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, name="logs", daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """Ignore a reader that goes away in the middle."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: LogServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        words = url.path.strip("/").split("/")
        if not self._is_api_server():
            self._refuse(FORBIDDEN)
        elif words[0] != CONTAINER_LOGS or (play := self.server.plays.find(words[2])) is None:
            self._refuse(NOT_FOUND)
        else:
            pieces = play.read(follow=query.get("follow") == ["true"])
            stamped = query.get("timestamps") == ["true"]
            self._stream(pieces if stamped else _without_stamps(pieces))

    def _is_api_server(self) -> bool:
        if not isinstance(self.connection, ssl.SSLSocket):
            return False
        subject: Any = (self.connection.getpeercert() or {}).get("subject", ())
        return (("commonName", APISERVER_USER),) in subject

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self.send_response(FOUND)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):  # the reader has gone
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")


def _without_stamps(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *complete, rest = (rest + piece).split(b"\n")
        yield from (line.partition(b" ")[2] + b"\n" for line in complete)
