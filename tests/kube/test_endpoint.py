from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.kube import endpoint

pytestmark = pytest.mark.sockets
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n").decode()


@pytest.fixture
def server():
    """An API server that keeps what each request came with."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            body = b'{"gitVersion": "v1.35.0"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}", seen
    found.shutdown()
    thread.join()
    found.server_close()


def test_every_request_asks_for_the_token_of_that_moment(server):
    address, seen = server
    tokens = iter(["first", "second", "third"])
    kube = endpoint.connect(
        address, certificate_authority=PEM, token=lambda: next(tokens), namespace="n"
    )
    assert kube.namespace == "n"
    assert [kube.server_version() for _ in range(2)] == ["v1.35.0"] * 2
    assert len(set(seen)) == 2
    assert all(value.startswith("Bearer ") for value in seen)
    kube.close()
