"""Instants of each step of a job on one clock: when the watch events arrived here."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, JobTimeout
from include.jobs import pod_states
from include.k8s_operators import LABEL_POINT, JobPhase
from include.kube.kinds import POD
from include.kube.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.kube.watch import Change, Sink

ENDED = ("Succeeded", "Failed")


class Arrivals:
    """The time at which a job's watches first reported each step of each pod.

    Instants are those of `time.monotonic`, taken by the thread that reads the stream. The last
    state of each object is kept for the API server's own timestamps.
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
        self.admitted: float | None = None  # no longer suspended, after having been so
        self.terminal: float | None = None
        self.state: dict[str, Any] = {}  # the object whose conditions give the job's state
        self.objects_gone: dict[str, float] = {}  # instants by kind
        self._operator = operator
        self._nodes = nodes
        self.failure = ""
        self._news = threading.Condition()

    @property
    def expected(self) -> int:
        """Pods of the complete job, as far as known so far."""
        return self._nodes + len(self.launching - self.ranks)

    def all_running(self) -> bool:
        """True once every rank pod and the launcher pod have run."""
        return (
            bool(self.launching)
            and len(self.ranks) >= self._nodes
            and len(self.running) >= self.expected
        )

    def put(self, change: Change) -> None:
        """Record one change."""
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
        self._take_suspension(change.obj, now=now)
        self.state = change.obj
        state = self._operator.state(change.obj)
        if state.phase is JobPhase.SUCCEEDED:
            self.terminal = now
        elif state.phase is JobPhase.FAILED:
            self.failure = state.message

    def _take_suspension(self, resource: dict[str, Any], *, now: float) -> None:
        is_suspended = pod_states.is_suspended(resource)
        if self.admitted is None and pod_states.is_suspended(self.state) and not is_suspended:
            self.admitted = now

    def wait(self, what: str, is_so: Callable[[], bool], *, until: float) -> None:
        """Wait until `is_so`; JobFailed if the job fails, JobTimeout at `until` (monotonic)."""
        with self._news:
            while not is_so():
                if self.failure:
                    raise JobFailed(f"the job failed before {what}: {self.failure}")
                if (left := until - time.monotonic()) <= 0:
                    raise JobTimeout(f"timed out before {what}: {self.standing()}")
                self._news.wait(min(left, 1.0))

    def standing(self) -> str:
        """Progress of the pods, in words."""
        return (
            f"{len(self.created)} pods created, {len(self.scheduled)} scheduled, "
            f"{len(self.running)} run, {len(self.ended)} ended, {len(self.gone)} gone, of "
            f"{self.expected}"
        )


@contextmanager
def watching(kube: Kube, operator: K8sOperator, *, name: str, nodes: int) -> Iterator[Arrivals]:
    """The arrivals of a job about to be created."""
    arrivals = Arrivals(operator, nodes=nodes)
    with watched(kube, operator, selector=f"{LABEL_POINT}={name}", changes=arrivals):
        yield arrivals


@contextmanager
def watched(kube: Kube, operator: K8sOperator, *, selector: str, changes: Sink) -> Iterator[None]:
    """Forward each change of the pods and resources with these labels."""
    kinds = dict.fromkeys((operator.resource, operator.state_resource, POD))
    watchers = [Watcher(kube, kind, selector=selector, changes=changes) for kind in kinds]
    for watcher in watchers:
        watcher.start()
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.stop()
