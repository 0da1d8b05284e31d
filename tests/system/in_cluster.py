"""What the local cluster lacks to be somebody's cluster: a registry, and the API server's Service.

Images of controllers are made from the programs at hand and served under the names of upstream's
manifests. Pods find the API server by its Service's address, which no proxy serves here: a
forwarder of this process does.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import socket
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from include.embedded.layout import API_PORT, BRIDGE_ADDRESS, HOST_LINK, Node
from include.embedded.node import REGISTRIES

SERVICE_ADDRESS, SERVICE_PORT = "10.96.0.1", 443
MANIFEST, CONFIG, LAYER = (
    f"application/vnd.oci.image.{kind}"
    for kind in ("manifest.v1+json", "config.v1+json", "layer.v1.tar+gzip")
)
NOBODY = "65532:65532"


def digest_of(blob):
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def libraries_of(program):
    """The shared libraries of a program and their loader; none of a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    words = (word for line in done.stdout.splitlines() for word in line.split())
    return sorted({Path(word) for word in words if word.startswith("/") and Path(word).exists()})


class Image:
    """One program with what it is linked to, as an image that nobody runs as root."""

    def __init__(self, program, *, at):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            for source in (program, *libraries_of(program)):
                target = at if source == program else str(source)
                content = Path(source).resolve().read_bytes()
                entry = tarfile.TarInfo(target.lstrip("/"))
                entry.size, entry.mode = len(content), 0o755
                archive.addfile(entry, io.BytesIO(content))
        packed = gzip.compress(layer.getvalue(), 1, mtime=0)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": [at], "User": NOBODY},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer.getvalue())]},
        }
        config = json.dumps(config).encode()
        described = [
            {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
            for kind, blob in ((CONFIG, config), (LAYER, packed))
        ]
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": described[0],
                "layers": described[1:],
            }
        ).encode()
        self.blobs = {digest_of(blob): blob for blob in (config, packed, self.manifest)}


class _Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images: ClassVar[dict[str, Image]] = {}  # by repository, whatever the registry and the tag

    def do_GET(self):
        self._answer(with_body=True)

    def do_HEAD(self):
        self._answer(with_body=False)

    def log_message(self, *_):
        pass

    def _answer(self, *, with_body):
        path = self.path.partition("?")[0].removeprefix("/v2/")
        for repository, image in self.images.items():
            if path.startswith(f"{repository}/manifests/"):
                return self._send(image.manifest, MANIFEST, with_body=with_body)
            blob = image.blobs.get(path.rpartition("/")[2])
            if path.startswith(f"{repository}/blobs/") and blob:
                return self._send(blob, "application/octet-stream", with_body=with_body)
        self.send_error(404)
        return None

    def _send(self, body, kind, *, with_body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest_of(body))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@contextlib.contextmanager
def registry(images, *, layout, node_count):
    """Serve images by repository to the nodes, as whatever registry they ask."""
    handler = type("Registry", (_Registry,), {"images": images})
    server = ThreadingHTTPServer((BRIDGE_ADDRESS, 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://{BRIDGE_ADDRESS}:{server.server_port}"
    hosts = f'server = "{address}"\n[host."{address}"]\n  capabilities = ["pull", "resolve"]\n'
    for number in range(1, node_count + 1):
        path = layout.node(Node(number=number)) / REGISTRIES / "_default" / "hosts.toml"
        path.write_text(hosts)
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def api_service():
    """Serve the API server at the address of its Service, to pods on all nodes."""
    address = ["ip", "address", "add", f"{SERVICE_ADDRESS}/32", "dev", HOST_LINK]
    subprocess.run(address, check=True)
    listener = socket.create_server((SERVICE_ADDRESS, SERVICE_PORT))
    connections, threads = [], []
    accepting = threading.Thread(target=_accept, args=(listener, connections, threads))
    accepting.start()
    try:
        yield
    finally:
        for each in (listener, *connections):
            _end(each)
        for thread in (accepting, *threads):
            thread.join()
        for each in (listener, *connections):
            each.close()
        address[2] = "delete"
        subprocess.run(address, check=False)


def _accept(listener, connections, threads):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        connections.append(client)
        try:
            server = socket.create_connection((BRIDGE_ADDRESS, API_PORT), timeout=10)
        except OSError:
            _end(client)
            continue
        server.settimeout(None)
        connections.append(server)
        for source, target in ((client, server), (server, client)):
            threads.append(threading.Thread(target=_pump, args=(source, target)))
            threads[-1].start()


def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        _end(each)


def _end(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
