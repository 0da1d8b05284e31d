"""Background threads that tell what happens to a job's objects, and follow its log."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import BaseHTTPResponse

    from include.kube.client import Kube
    from include.kube.kinds import ResourceKind

log = logging.getLogger(__name__)

WATCH_S = 60  # the server ends a watch after this long; it is opened again at once
RETRY_S = 0.5  # pause after a broken connection


@dataclass(frozen=True, kw_only=True)
class Change:
    """One object as it is now; `gone` when it was deleted."""

    kind: str
    obj: dict[str, Any]
    gone: bool = False


class Sink(Protocol):
    """What takes the changes, a queue say; it is called by the watch's own thread."""

    def put(self, item: Change, /) -> None:
        """Take one change."""


class _Follower(threading.Thread):
    """A thread that reads one stream at a time and can be told to stop in the middle."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._stopping = threading.Event()
        self._response: BaseHTTPResponse | None = None

    def stop(self) -> None:
        """End the stream and wait briefly for the thread."""
        self._stopping.set()
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, RuntimeError):
                response.shutdown()  # wakes a read that is waiting for the server
        self.join(timeout=5.0)

    @contextmanager
    def _reading(self, response: BaseHTTPResponse) -> Iterator[BaseHTTPResponse]:
        """Make the response known to `stop`, which may have been called while it was opened."""
        self._response = response
        try:
            if self._stopping.is_set():
                response.shutdown()
            yield response
        finally:
            self._response = None
            response.close()

    def _pause(self) -> None:
        self._stopping.wait(RETRY_S)


class Watcher(_Follower):
    """Puts every change of the objects with the labels into a queue, until stopped.

    A watch starts at the version of a list and is made anew from a list when the server has
    forgotten that version (410), so no state is lost; a state may be told twice.
    """

    def __init__(self, kube: Kube, kind: ResourceKind, *, selector: str, changes: Sink) -> None:
        super().__init__(name=f"watch-{kind.plural}")
        self._kube = kube
        self._kind = kind
        self._selector = selector
        self._changes = changes
        self._known: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """List and watch until stopped; a broken connection is a reason to list again."""
        while not self._stopping.is_set():
            try:
                self._watch_from(self._list())
            except (ClusterError, ApiException, HTTPError, OSError, ValueError) as err:
                if not self._stopping.is_set():
                    log.warning("watch of %s is opened again: %s", self._kind.plural, err)
                    self._pause()

    def _list(self) -> str:
        listing = self._kube.list(self._kind, selector=self._selector)
        present = {obj["metadata"]["name"] for obj in listing.items}
        for name in sorted(self._known.keys() - present):  # deleted while no watch was open
            self._tell(self._known[name], gone=True)
        for obj in listing.items:
            self._tell(obj, gone=False)
        return listing.resource_version

    def _watch_from(self, version: str) -> None:
        while not self._stopping.is_set():
            response = self._kube.open_watch(
                self._kind, selector=self._selector, resource_version=version, timeout_s=WATCH_S
            )
            with self._reading(response):
                for line in _lines(response):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        log.debug("watch of %s: %s", self._kind.plural, event["object"])
                        return
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._tell(event["object"], gone=event["type"] == "DELETED")

    def _tell(self, obj: dict[str, Any], *, gone: bool) -> None:
        name = obj["metadata"]["name"]
        if gone:
            self._known.pop(name, None)
        else:
            self._known[name] = obj
        self._changes.put(Change(kind=self._kind.kind, obj=obj, gone=gone))


class LogFollower(_Follower):
    """Writes a container's log, with the kubelet's stamps, to a file until the container ends.

    After a broken connection the log is read again from its first line, so the file never has a
    gap; what was got before is kept when the pod is no longer there.
    """

    def __init__(self, kube: Kube, *, pod: str, container: str, file: BinaryIO) -> None:
        super().__init__(name=f"log-{pod}")
        self._kube = kube
        self._pod = pod
        self._container = container
        self._file = file
        self.complete = False  # the server ended the stream: the container has ended

    def run(self) -> None:
        """Follow until the container ends, the pod is gone, or stopped."""
        while not self._stopping.is_set() and not self.complete:
            try:
                self._follow()
            except ApiException:
                log.warning("the log of %s is no longer to be had", self._pod)
                return
            except (ClusterError, HTTPError, OSError, ValueError) as err:
                if not self._stopping.is_set():
                    log.warning("log of %s is read again: %s", self._pod, err)
                    self._pause()

    def _follow(self) -> None:
        response = self._kube.open_log(self._pod, container=self._container, timeout_s=3600.0)
        with self._reading(response):
            self._file.seek(0)
            self._file.truncate()
            for chunk in response.stream(65536):
                self._file.write(chunk)
            self.complete = not self._stopping.is_set()


def _lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
