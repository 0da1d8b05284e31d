"""A small in-memory API server on loopback: enough of Kubernetes to test the pipeline's side.

It keeps objects, serves lists, watches, logs and deletions, and breaks on demand. It has no
controllers: a test scripts what a controller or a kubelet would do.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from kubernetes import client

from include.kube.client import Kube

DISCOVERY = {
    "/api/v1": [
        ("pods", "Pod"),
        ("secrets", "Secret"),
        ("configmaps", "ConfigMap"),
        ("services", "Service"),
        ("events", "Event"),
        ("namespaces", "Namespace"),
        ("nodes", "Node"),
        ("serviceaccounts", "ServiceAccount"),
    ],
    "/apis/batch/v1": [("jobs", "Job")],
    "/apis/coordination.k8s.io/v1": [("leases", "Lease")],
    "/apis/apps/v1": [("deployments", "Deployment"), ("daemonsets", "DaemonSet")],
    "/apis/kubeflow.org/v2beta1": [("mpijobs", "MPIJob")],
    "/apis/flux-framework.org/v1alpha2": [("miniclusters", "MiniCluster")],
    "/apis/jobset.x-k8s.io/v1alpha2": [("jobsets", "JobSet")],
    "/apis/trainer.kubeflow.org/v1alpha1": [
        ("trainjobs", "TrainJob"),
        ("trainingruntimes", "TrainingRuntime"),
    ],
    "/apis/kueue.x-k8s.io/v1beta2": [
        ("workloads", "Workload"),
        ("localqueues", "LocalQueue"),
        ("clusterqueues", "ClusterQueue"),
        ("resourceflavors", "ResourceFlavor"),
    ],
    "/apis/apiextensions.k8s.io/v1": [("customresourcedefinitions", "CustomResourceDefinition")],
}
CLUSTER_WIDE = {"Namespace", "Node", "CustomResourceDefinition", "ClusterQueue", "ResourceFlavor"}
CREATED = "2026-01-02T03:04:05Z"


class ApiServer:
    """State and faults of the server; `objects` maps a URL path to an object."""

    def __init__(self):
        self.objects = {}
        self.logs = {}  # pod name → bytes
        self.requests = []  # (method, path)
        self.refuse_next = {}  # method → list of status codes to answer with
        self.unavailable = set()  # last words of paths that are answered with 503
        self.on_create = []  # callables given each created object
        self.forbidden = set()  # `verb resource` that nobody may
        self.held_deletions = set()  # names that stay after a deletion call
        self.version = 0
        self.history = []  # (version, event type, path, object)
        self.changed = threading.Condition()

    def put(self, path, obj):
        with self.changed:
            self.version += 1
            kind = "MODIFIED" if path in self.objects else "ADDED"
            obj["metadata"]["resourceVersion"] = str(self.version)
            obj["metadata"].setdefault("creationTimestamp", CREATED)
            self.objects[path] = obj
            self.history.append((self.version, kind, path, json.loads(json.dumps(obj))))
            self.changed.notify_all()

    def remove(self, path):
        with self.changed:
            obj = self.objects.pop(path, None)
            if obj is None:
                return
            self.version += 1
            obj["metadata"]["resourceVersion"] = str(self.version)
            self.history.append((self.version, "DELETED", path, obj))
            self.changed.notify_all()

    def selected(self, collection, selector):
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        return {
            path: obj
            for path, obj in self.objects.items()
            if _is_in(collection, path)
            and wanted.items() <= obj["metadata"].get("labels", {}).items()
        }


def _is_in(collection, path):
    """Whether an object is listed there; without a namespace, a list is of all of them."""
    folder = path.rpartition("/")[0]
    return collection in {folder, re.sub("/namespaces/[^/]+/", "/", folder)}


def _merged(obj, change):
    """The object with a merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    kept = dict(obj) if isinstance(obj, dict) else {}
    for key, value in change.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = _merged(kept.get(key), value)
    return kept


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer, and none of a stream held back: else each waits 40 ms for an
    # acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    state: ApiServer

    def log_message(self, *_):
        pass

    def _refused(self):
        self.state.requests.append((self.command, urlsplit(self.path).path))
        if urlsplit(self.path).path.rpartition("/")[2] in self.state.unavailable:
            self._json(503, {"message": "unavailable by the test"})
            return True
        codes = self.state.refuse_next.get(self.command)
        if not codes:
            return False
        self._json(codes.pop(0), {"message": "refused by the test"})
        return True

    def _json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")

    def do_GET(self):
        if self._refused():
            return
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/version":
            self._json(200, {"gitVersion": "v1.36.2"})
        elif url.path in DISCOVERY:
            listed = [
                {"name": name, "kind": kind, "namespaced": kind not in CLUSTER_WIDE}
                for name, kind in DISCOVERY[url.path]
            ]
            self._json(200, {"resources": listed})
        elif url.path.endswith("/log"):
            self._log(url.path.split("/")[-2])
        elif url.path in self.state.objects:
            self._json(200, self.state.objects[url.path])
        elif query.get("watch"):
            self._watch(url.path, query)
        elif self._is_collection(url.path):
            items = list(self.state.selected(url.path, query.get("labelSelector", "")).values())
            version = {"resourceVersion": str(self.state.version)}
            self._json(200, {"items": items, "metadata": version})
        else:
            self._json(404, {"message": "not found"})

    def _is_collection(self, path):
        return path.rpartition("/")[2] in {name for all_ in DISCOVERY.values() for name, _ in all_}

    def _start_stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _chunk(self, data):
        with suppress(BrokenPipeError, ConnectionResetError):  # the client has stopped reading
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    def _watch(self, collection, query):
        self._start_stream()
        seen = int(query["resourceVersion"])
        wanted = dict(p.split("=", 1) for p in query.get("labelSelector", "").split(",") if p)
        end = time.monotonic() + float(query["timeoutSeconds"])
        while time.monotonic() < end:
            with self.state.changed:
                fresh = [each for each in self.state.history if each[0] > seen]
                if not fresh:
                    self.state.changed.wait(0.1)
            for version, kind, path, obj in fresh:
                seen = version
                labels = obj["metadata"].get("labels", {})
                if path.rpartition("/")[0] == collection and wanted.items() <= labels.items():
                    event = json.dumps({"type": kind, "object": obj}).encode()
                    self._chunk(event + b"\n")
        self._chunk(b"")

    def _log(self, pod):
        if pod not in self.state.logs:
            self._json(404, {"message": "no such pod"})
            return
        self._start_stream()
        self._chunk(self.state.logs[pod])
        self._chunk(b"")

    def do_POST(self):
        obj = self._body()
        if self._refused():
            return
        if obj["kind"] == "SelfSubjectAccessReview":
            asked = obj["spec"]["resourceAttributes"]
            allowed = f"{asked['verb']} {asked['resource']}" not in self.state.forbidden
            self._json(201, {**obj, "status": {"allowed": allowed}})
            return
        path = f"{urlsplit(self.path).path}/{obj['metadata']['name']}"
        if path in self.state.objects:
            self._json(409, {"message": "already exists"})
            return
        self.state.put(path, obj)
        for react in self.state.on_create:
            react(obj)
        self._json(201, obj)

    def do_PATCH(self):
        obj = self._body()
        if self._refused():
            return
        path = urlsplit(self.path).path
        if "merge-patch" in self.headers["Content-Type"]:
            obj = _merged(self.state.objects.get(path, {}), obj)
        self.state.put(path, obj)
        self._json(200, obj)

    def do_DELETE(self):
        options = self._body()
        if self._refused():
            return
        url = urlsplit(self.path)
        selector = parse_qs(url.query).get("labelSelector", [""])[0]
        single = {url.path: self.state.objects[url.path]} if url.path in self.state.objects else {}
        if not single and not self._is_collection(url.path):
            self._json(404, {"message": "not found"})
            return
        forced = options.get("gracePeriodSeconds") == 0
        for path in single or self.state.selected(url.path, selector):
            if forced or path.rpartition("/")[2] not in self.state.held_deletions:
                self.state.remove(path)
        self._json(200, {})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing of a client that has gone; of anything else, print the traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving():
    """A running server's state, and a client for its namespace `study`."""
    state = ApiServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings = client.Configuration()
    settings.host = f"http://127.0.0.1:{server.server_port}"
    kube = Kube(client.ApiClient(settings), namespace="study")
    try:
        yield state, kube
    finally:
        kube.close()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
