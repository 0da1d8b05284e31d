"""Background threads that report changes of a job's objects, and follow its log."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from include.errors import ClusterError
from include.kube import log_text
from include.kube.answers import has_labels, is_object, status_text, without_nulls
from include.kube.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import BaseHTTPResponse

    from include.kube.client import Kube
    from include.kube.kinds import ResourceKind

log = logging.getLogger(__name__)

WATCH_S = 30  # the server ends a watch after this long; it is reopened at once
LAST_READINGS = 3  # for a log that ends with the kubelet's own complaint
RETRY_S = 0.5  # pause after a broken connection


@dataclass(frozen=True, kw_only=True)
class Change:
    """One object in its current state; `gone` when it was deleted."""

    kind: str
    obj: dict[str, Any]
    gone: bool = False


class Sink(Protocol):
    """A receiver of changes, such as a queue; called by the watch's own thread."""

    def put(self, item: Change, /) -> None:
        """Take one change."""


class Watcher(Follower):
    """Puts every change of the objects with the labels into a queue, until stopped.

    A watch starts at the version of a list and starts over from a list when the server has
    forgotten that version (410), or sends anything but changes, so no state is lost; one may be
    repeated.
    """

    def __init__(self, kube: Kube, kind: ResourceKind, *, selector: str, changes: Sink) -> None:
        super().__init__(name=kind.plural)
        self._kube = kube
        self._kind = kind
        self._selector = selector
        self._changes = changes
        self._known: dict[str, dict[str, Any]] = {}

    def attend(self) -> None:
        """List and watch until stopped; a broken connection is a reason to list again."""
        while not self.stopping.is_set():
            try:
                self._watch_from(self._list())
            except (ClusterError, ApiException, HTTPError, OSError, ValueError) as err:
                if not self.stopping.is_set():
                    self.note_trouble("watch of %s is opened again: %s", self._kind.plural, err)
                    self.stopping.wait(RETRY_S)

    def _list(self) -> str:
        listing = self._kube.list(self._kind, selector=self._selector)
        present = {obj["metadata"]["name"] for obj in listing.items}
        for name in sorted(self._known.keys() - present):  # deleted while no watch was open
            self._tell(self._known[name], gone=True)
        for obj in listing.items:
            self._tell(obj, gone=False)
        return listing.resource_version

    def _watch_from(self, version: str) -> None:
        while not self.stopping.is_set():
            response = self._kube.open_watch(
                self._kind, selector=self._selector, resource_version=version, timeout_s=WATCH_S
            )
            with self.reading(response):
                for line in filter(bytes.strip, _lines(response)):
                    event = _event(line)
                    if event["type"] == "ERROR":
                        log.debug("watch of %s: %s", self._kind.plural, event["object"])
                        return
                    version = event["object"]["metadata"]["resourceVersion"]
                    self.trouble.end()
                    if event["type"] != "BOOKMARK":
                        self._tell(event["object"], gone=event["type"] == "DELETED")
            if not self.stopping.is_set():
                self.trouble.end()

    def _tell(self, obj: dict[str, Any], *, gone: bool) -> None:
        if not has_labels(obj, self._selector):  # a proxy may drop the query
            log.debug("watch of %s: not asked for: %s", self._kind.plural, obj["metadata"]["name"])
            return
        name = obj["metadata"]["name"]
        if gone:
            self._known.pop(name, None)
        else:
            self._known[name] = obj
        self._changes.put(Change(kind=self._kind.kind, obj=obj, gone=gone))


class LogFollower(Follower):
    """Writes a container's log, with the kubelet's timestamps, to a file until the container ends.

    A stream that breaks or ends is reopened, from the log's first line, until `finish`: a
    kubelet ends streams normally when it moves a log away or restarts. Each reading is joined
    with the earlier ones, so nothing read once is lost. Lines without a timestamp are the
    kubelet's own complaints and are left out.
    """

    def __init__(self, kube: Kube, *, pod: str, container: str, file: BinaryIO) -> None:
        super().__init__(name=f"log-{pod}")
        self._kube = kube
        self._pod = pod
        self._container = container
        self._file = file
        self.text = b""
        self._foreign: list[str] = []  # the kubelet's own lines
        self._ended = threading.Event()
        self._adding = threading.Lock()
        self._is_finished = False  # the file is its reader's then
        self.complete = False  # read after the container's end
        self._is_clean = True  # the last reading had no lines of the kubelet
        self.gaps: list[log_text.Gap] = []

    @property
    def doubts(self) -> tuple[str, ...]:
        """Reasons to doubt that the log was read completely."""
        end = () if self.complete else ("the launcher's log may lack its end",)
        return (*map(str, self.gaps), *end)

    def attend(self) -> None:
        """Follow until the container has ended, the pod is gone, or stopped."""
        while not self.stopping.is_set():
            ended = self._ended.is_set()
            try:
                self._follow()
                self.trouble.end()
            except ApiException:
                log.warning("the log of %s is no longer to be had", self._pod)
                return
            except (ClusterError, HTTPError, OSError, ValueError) as err:
                if not self.stopping.is_set():
                    self.note_trouble("log of %s is read again: %s", self._pod, err)
            else:
                self.complete = ended and self._is_clean
            if ended:
                return
            self._ended.wait(RETRY_S)

    def expect_end(self) -> None:
        """Read the log to its end and no further: the container has ended."""
        self._ended.set()

    def finish(self, kube: Kube, *, timeout_s: float) -> None:
        """Read the rest of the log, with `kube`, when the container, or its job, has ended.

        Raises ClusterError when nothing of the container's log could ever be read.
        """
        self.expect_end()
        self.join(timeout=timeout_s)
        self.stop()
        try:
            self.complete = self._read_once_more(kube)
        except ApiException:  # its pod is gone, and what was followed is all there is
            log.info("the log of %s cannot be read once more", self._pod)
        except ClusterError as err:
            log.warning("log of %s: %s", self._pod, err)
            if not self.text:
                msg = f"nothing of the log of {self._pod} could be read: {err}"
                raise ClusterError(msg) from err
        finally:
            self._finish()
        if self._foreign and not self.text:
            msg = f"of the log of {self._pod} the kubelet gives nothing but {self._foreign[0]!r}"
            raise ClusterError(msg)

    def _finish(self) -> None:
        """Let the thread add nothing more, should it still be waiting for a silent server."""
        with self._adding:
            self._is_finished = True

    def _read_once_more(self, kube: Kube) -> bool:
        """Read the log without following it; False when the kubelet added something."""
        for _ in range(LAST_READINGS):
            self._add(kube.read_log(self._pod, container=self._container))
            if self._is_clean:
                return True
            time.sleep(RETRY_S)
        return False

    def _follow(self) -> None:
        response = self._kube.open_log(self._pod, container=self._container, timeout_s=3600.0)
        got = bytearray()
        with self.reading(response):
            try:
                for chunk in response.stream(65536):
                    got += chunk
            finally:
                self._add(bytes(got))

    def _add(self, text: bytes) -> None:
        with self._adding:
            if not self._is_finished:
                self._write(text)

    def _write(self, text: bytes) -> None:
        own, foreign = log_text.of_container(text)
        self._is_clean = not foreign
        for line in foreign:
            if line not in self._foreign:
                log.warning("the kubelet says in the log of %s: %s", self._pod, line)
                self._foreign.append(line)
        union = log_text.joined(self.text, own)
        self.text = union.text
        if union.gap:
            log.warning("%s: %s", self._pod, union.gap)
            self.gaps.append(union.gap)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(self.text)


def _event(line: bytes) -> dict[str, Any]:
    """A line of a watch; ValueError for anything but an event."""
    event = json.loads(line)
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str):
        text = status_text(event) if isinstance(event, dict) else line[:80].decode(errors="replace")
        msg = f"no event but {text}"
        raise ValueError(msg)  # noqa: TRY004  it is the content that is wrong
    if kind != "ERROR" and not _has_version(event.get("object"), named=kind != "BOOKMARK"):
        raise ValueError(f"an event {kind} without an object")
    return {"type": kind, "object": without_nulls(event.get("object") or {})}


def _has_version(obj: Any, *, named: bool) -> bool:
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    has_version = isinstance(metadata, dict) and isinstance(metadata.get("resourceVersion"), str)
    return has_version and (is_object(obj) or not named)


def _lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(65536):
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete
