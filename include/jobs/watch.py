"""Watches one job from its creation to its end: its resource, its pods, its launcher's log."""

from __future__ import annotations

import logging
import queue
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from include.errors import ClusterError, JobFailed, JobTimeout, ParseError
from include.jobs import obstacles, pod_states
from include.jobs.events import Warnings
from include.jobs.health import Health
from include.k8s_operators import LABEL_POINT, JobPhase, JobState, K8sOperator
from include.kube.answers import AccessRefused
from include.kube.kinds import POD
from include.kube.watch import Change, LogFollower, Watcher
from include.parsers import kubelet_log
from include.parsers.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.kube.client import Kube

log = logging.getLogger(__name__)

LOG_END_S = 10.0  # how long the log may still flow after the job's end
SETTLE_S = 5.0  # how long the pods' watch may lag behind the resource's
WARNINGS = 3  # cluster warnings shown when time is up
_ENDED = (JobPhase.SUCCEEDED, JobPhase.FAILED)


class JobWatch:
    """The observed state of one job. A context manager: its threads end with it.

    `pods` keeps the last state of pods that are gone: operators delete workers at the job's end,
    and their nodes and stamps must not be lost with them.
    """

    def __init__(
        self,
        kube: Kube,
        operator: K8sOperator,
        *,
        name: str,
        nodes: int,
        log_file: BinaryIO,
        health: Callable[[], None] | None = None,
    ) -> None:
        self.resource: dict[str, Any] | None = None
        self.pods: dict[str, dict[str, Any]] = {}
        self._kube = kube
        self._operator = operator
        self._name = name
        self._nodes = nodes
        self._log_file = log_file
        self._health = Health(health)
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        selector = f"{LABEL_POINT}={name}"
        kinds = dict.fromkeys((operator.resource, operator.state_resource, POD))
        self._watchers = [
            Watcher(kube, kind, selector=selector, changes=self._changes) for kind in kinds
        ]
        self._state = JobState(phase=JobPhase.PENDING)
        self._follower: LogFollower | None = None
        self._patience = obstacles.Patience()
        self._resources: dict[str, dict[str, Any]] = {}  # the job's own objects by kind
        self._deleted: set[str] = set()
        self._deleted_early: list[str] = []  # before the launcher had ended
        self._warnings = Warnings(kube, name)

    def __enter__(self) -> Self:
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in (*self._watchers, *([self._follower] if self._follower else [])):
            thread.stop()

    @property
    def rank_pods(self) -> list[dict[str, Any]]:
        """Last known states of the pods that carry ranks, by name."""
        return [pod for _, pod in sorted(self.pods.items()) if self._operator.carries_ranks(pod)]

    def wait(self, *, timeout_s: float) -> JobState:
        """The job's state when it has succeeded.

        JobFailed saying why when it has not or cannot, JobTimeout when it takes too long. When the
        cluster itself is at fault, that is raised instead: it says nothing of the job.
        """
        try:
            return self._wait(timeout_s=timeout_s)
        except JobFailed:
            self._health.require()
            raise

    def _wait(self, *, timeout_s: float) -> JobState:
        end = time.monotonic() + timeout_s
        while True:
            state = self._next_state(end - time.monotonic())
            if state.phase is JobPhase.SUCCEEDED:
                self._settle()
                return state
            if state.phase is JobPhase.FAILED:
                with suppress(ClusterError):  # a log that cannot be read is not why it failed
                    self._settle()
                raise JobFailed(self._failure(state.message))
            if time.monotonic() >= end:
                self._require_news(of_late=True)
                msg = f"not ended after {timeout_s:.0f} s (point_timeout_s): {self._standing()}"
                raise JobTimeout(msg)

    def _next_state(self, timeout_s: float) -> JobState:
        try:
            self._take(self._changes.get(timeout=max(0.0, min(timeout_s, 1.0))))
            while True:
                self._take(self._changes.get_nowait())
        except queue.Empty:
            pass
        self._health.look()
        self._require_news()
        self._refuse_hopeless()
        return self._state

    def _require_news(self, *, of_late: bool = False) -> None:
        """Raise ClusterError when nothing more can be learnt of the job, and waiting is in vain.

        `of_late` is for when time is up: then what went wrong last is reason enough.
        """
        for watcher in self._watchers:
            trouble = watcher.trouble.last if of_late else watcher.trouble.lasting()
            if err := watcher.failure or trouble:
                msg = f"the watch of {watcher.name} cannot go on: {err}"
                raise ClusterError(msg) from err
        refused = self._follower.trouble.lasting() if self._follower else None
        if isinstance(refused, AccessRefused):  # a log that cannot be had for now may be had later
            raise ClusterError(f"the log cannot be read: {refused}") from refused

    def _take(self, change: Change) -> None:
        if change.kind == POD.kind:
            self.pods[change.obj["metadata"]["name"]] = change.obj
            self._follow_launcher(change.obj)
            self._end_log_with(change.obj)
            if change.gone or "deletionTimestamp" in change.obj["metadata"]:
                self._note_deletion(change.obj["metadata"]["name"])
            return
        self._resources[change.kind] = change.obj
        if change.kind == self._operator.state_resource.kind:
            self._state = self._operator.state(change.obj)
        if change.gone and self._state.phase not in _ENDED:
            raise JobFailed(f"{change.kind} {self._name} was deleted by somebody else while it ran")
        if change.kind == self._operator.resource.kind:
            self.resource = change.obj

    def _note_deletion(self, name: str) -> None:
        if name in self._deleted:
            return
        self._deleted.add(name)
        launchers = [pod for pod in self.pods.values() if self._operator.launches(pod)]
        has_ended = any(obstacles.has_ended(self._operator, pod) for pod in launchers)
        if self._state.phase not in _ENDED and not has_ended:
            self._deleted_early.append(name)

    def _follow_launcher(self, pod: dict[str, Any]) -> None:
        if self._follower or not self._operator.launches(pod) or not self._has_started(pod):
            return
        self._follower = LogFollower(
            self._kube,
            pod=pod["metadata"]["name"],
            container=self._operator.launcher_container_of(pod),
            file=self._log_file,
        )
        self._follower.start()

    def _end_log_with(self, pod: dict[str, Any]) -> None:
        """Let the log end when its container has: streams may end before."""
        if not self._follower or not self._operator.launches(pod):
            return
        if obstacles.has_ended(self._operator, pod):
            self._follower.expect_end()

    def _has_started(self, pod: dict[str, Any]) -> bool:
        return pod_states.has_started(pod_states.own(pod, self._operator.container_of(pod)))

    def _settle(self) -> None:
        """Take in what the other watches have yet to tell, and let the log end by itself.

        They are apart, so a job's end may be known before the start of its pods, and before the
        resource itself where another object tells of the end.
        """
        end = time.monotonic() + SETTLE_S
        while not self._is_whole() and time.monotonic() < end:
            with suppress(queue.Empty):
                self._take(self._changes.get(timeout=0.1))
        if self._follower:
            self._follower.finish(timeout_s=LOG_END_S)
            if not self._follower.complete:
                log.warning("%s: the launcher's log may lack its end", self._name)

    def _is_whole(self) -> bool:
        started = [pod for pod in self.rank_pods if self._has_started(pod)]
        known = self.resource is not None and self._follower is not None
        return known and len(started) >= self._nodes

    def _refuse_hopeless(self) -> None:
        """JobFailed when something is in the job's way that no waiting removes."""
        if self._state.phase in _ENDED:
            return
        if obstacle := self._patience.exhausted(obstacles.of(self._view())):
            raise JobFailed(obstacle.text)

    def _view(self) -> obstacles.View:
        return obstacles.View(
            operator=self._operator,
            nodes=self._nodes,
            pods=self.pods,
            deleted=self._deleted,
            resources=tuple(self._resources.values()),
            unmade=() if self._has_all_pods() or not self._resources else self._warnings.unmade(),
            log_failure=self._failure_in_log(),
        )

    def _has_all_pods(self) -> bool:
        has_launcher = any(map(self._operator.launches, self.pods.values()))
        return has_launcher and len(self.rank_pods) >= self._nodes

    def _failure_in_log(self) -> str | None:
        """The evidence against success in the log of an ended launcher, if there is any."""
        if self._follower is None or self._follower.is_alive():
            return None
        self._log_file.seek(0)
        try:
            lines = [kubelet_log.split_stamp(line)[1] for line in lines_of(self._log_file.read())]
            self._operator.confirm_success(lines)
        except JobFailed as err:
            return str(err)
        except ParseError:
            return None
        return None

    def _failure(self, message: str) -> str:
        """Why the job failed: its pods' ends and losses, then its own words."""
        reasons = []
        for name, pod in self.pods.items():
            if loss := pod_states.loss(pod):
                reasons.append(f"{name} {loss}")
            for status in pod_states.own(pod, self._operator.container_of(pod)):
                # Pods that do not launch are ended with the job, which is no news.
                reasons += [
                    f"{name} ended with {pod_states.exit_text(end)}"
                    for end in pod_states.failed_ends(status)
                    if self._operator.launches(pod) or end.get("reason") == pod_states.OUT_OF_MEMORY
                ]
        deleted = [f"pod {name} was deleted by somebody else" for name in self._deleted_early]
        return "; ".join([*reasons, *deleted, message.rstrip(": ")])

    def _standing(self) -> str:
        """The observed state when time is up."""
        obstructed = [each.text for each in obstacles.of(self._view())]
        return "; ".join(
            [obstacles.standing(self.pods), *obstructed, *self._warnings.now()[:WARNINGS]]
        )
