"""When each step of a job was seen, by one clock: the arrival of the watch's events here."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, JobTimeout
from include.k8s_operators import LABEL_POINT, JobPhase
from include.kube.kinds import POD
from include.kube.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.kube.watch import Change

ENDED = ("Succeeded", "Failed")


class Arrivals:
    """The first time at which the watches of one job reported each step of each pod.

    Instants are those of `time.monotonic`, taken by the thread that reads the stream. The last
    state of each object is kept, for the API server's own stamps.
    """

    def __init__(self, operator: K8sOperator, *, nodes: int) -> None:
        self.created: dict[str, float] = {}
        self.scheduled: dict[str, float] = {}
        self.running: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.gone: dict[str, float] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.launching: set[str] = set()
        self.ranks: set[str] = set()
        self.terminal: float | None = None
        self.state: dict[str, Any] = {}  # the object whose conditions are the job's state
        self.objects_gone: dict[str, float] = {}  # instants by kind
        self._operator = operator
        self._nodes = nodes
        self._failure = ""
        self._news = threading.Condition()

    @property
    def expected(self) -> int:
        """Pods of the whole job, as far as can be told yet."""
        return self._nodes + len(self.launching - self.ranks)

    def all_running(self) -> bool:
        """True once every pod with ranks and the launching pod have run."""
        return (
            bool(self.launching)
            and len(self.ranks) >= self._nodes
            and len(self.running) >= self.expected
        )

    def put(self, change: Change) -> None:
        """Take one change."""
        now = time.monotonic()
        with self._news:
            if change.kind == POD.kind:
                self._take_pod(change.obj, gone=change.gone, now=now)
            else:
                self._take_resource(change, now=now)
            self._news.notify_all()

    def _take_pod(self, pod: dict[str, Any], *, gone: bool, now: float) -> None:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        if name not in self.created:
            self.created[name] = now
            if self._operator.launches(pod):
                self.launching.add(name)
            if self._operator.carries_ranks(pod):
                self.ranks.add(name)
        if pod["spec"].get("nodeName"):
            self.scheduled.setdefault(name, now)
        if status.get("phase") == "Running":
            self.running.setdefault(name, now)
        if status.get("phase") in ENDED:
            self.ended.setdefault(name, now)
        if gone:
            self.gone.setdefault(name, now)
        elif "deletionTimestamp" not in pod["metadata"]:
            self.pods[name] = pod

    def _take_resource(self, change: Change, *, now: float) -> None:
        if change.gone:
            self.objects_gone.setdefault(change.kind, now)
            return
        if change.kind != self._operator.state_resource.kind or self.terminal is not None:
            return
        self.state = change.obj
        state = self._operator.state(change.obj)
        if state.phase is JobPhase.SUCCEEDED:
            self.terminal = now
        elif state.phase is JobPhase.FAILED:
            self._failure = state.message

    def wait(self, what: str, is_so: Callable[[], bool], *, until: float) -> None:
        """Wait until `is_so`; JobFailed when the job fails, JobTimeout at `until`, a monotonic."""
        with self._news:
            while not is_so():
                if self._failure:
                    raise JobFailed(f"the job failed before {what}: {self._failure}")
                if (left := until - time.monotonic()) <= 0:
                    raise JobTimeout(f"timed out before {what}: {self.standing()}")
                self._news.wait(min(left, 1.0))

    def standing(self) -> str:
        """The progress of the pods, in words."""
        return (
            f"{len(self.created)} pods created, {len(self.scheduled)} scheduled, "
            f"{len(self.running)} run, {len(self.ended)} ended, {len(self.gone)} gone, of "
            f"{self.expected}"
        )


@contextmanager
def watching(kube: Kube, operator: K8sOperator, *, name: str, nodes: int) -> Iterator[Arrivals]:
    """The arrivals of a job that is about to be created."""
    arrivals = Arrivals(operator, nodes=nodes)
    kinds = dict.fromkeys((operator.resource, operator.state_resource, POD))
    watchers = [
        Watcher(kube, kind, selector=f"{LABEL_POINT}={name}", changes=arrivals) for kind in kinds
    ]
    for watcher in watchers:
        watcher.start()
    try:
        yield arrivals
    finally:
        for watcher in watchers:
            watcher.stop()
