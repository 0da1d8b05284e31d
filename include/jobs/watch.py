"""Watches one job from its creation to its end: its resource, its pods, its launcher's log."""

from __future__ import annotations

import logging
import queue
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from include.errors import JobFailed, JobTimeout, ParseError
from include.jobs import pod_states
from include.k8s_operators import LABEL_POINT, JobPhase, JobState, K8sOperator
from include.kube.kinds import POD
from include.kube.watch import Change, LogFollower, Watcher
from include.parsers import kubelet_log
from include.parsers.lines import lines_of

if TYPE_CHECKING:
    from include.kube.client import Kube

log = logging.getLogger(__name__)

LOG_END_S = 10.0  # how long the log may still flow after the job's end
SETTLE_S = 5.0  # how long the pods' watch may lag behind the resource's
FAILED_LAUNCHER_S = 5.0  # in which its operator should have noticed
# An operator should have noticed by then that its launcher has ended; so much for each node more.
ENDED_LAUNCHER_S, ENDED_LAUNCHER_PER_NODE_S = 10.0, 0.2
DELETED_LAUNCHER_S = 2.0  # grace for the news that the whole job was deleted
UNSCHEDULABLE_S = 30.0  # pods of the point before may still be leaving their nodes
# Waiting reasons that no waiting cures.
HOPELESS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_ENDED = (JobPhase.SUCCEEDED, JobPhase.FAILED)


class JobWatch:
    """What is known of one job. A context manager: its threads end with it.

    `pods` keeps the last state of pods that are gone: operators delete workers at the job's end,
    and their nodes and stamps must not be lost with them.
    """

    def __init__(
        self, kube: Kube, operator: K8sOperator, *, name: str, nodes: int, log_file: BinaryIO
    ) -> None:
        self.resource: dict[str, Any] | None = None
        self.pods: dict[str, dict[str, Any]] = {}
        self._kube = kube
        self._operator = operator
        self._name = name
        self._nodes = nodes
        self._log_file = log_file
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        selector = f"{LABEL_POINT}={name}"
        kinds = dict.fromkeys((operator.resource, operator.state_resource, POD))
        self._watchers = [
            Watcher(kube, kind, selector=selector, changes=self._changes) for kind in kinds
        ]
        self._state = JobState(phase=JobPhase.PENDING)
        self._follower: LogFollower | None = None
        self._unschedulable_since: dict[str, float] = {}
        self._launcher_failed_at: dict[str, float] = {}
        self._launcher_ended_at: float | None = None
        self._deleted_since: dict[str, float] = {}

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

        JobFailed saying why when it has not or cannot, JobTimeout when it takes too long.
        """
        end = time.monotonic() + timeout_s
        while True:
            state = self._next_state(end - time.monotonic())
            if state.phase is JobPhase.SUCCEEDED:
                self._settle()
                return state
            if state.phase is JobPhase.FAILED:
                self._settle()
                raise JobFailed(self._failure(state.message))
            if time.monotonic() >= end:
                msg = f"not ended after {timeout_s:.0f} s (point_timeout_s): {self._standing()}"
                raise JobTimeout(msg)

    def _next_state(self, timeout_s: float) -> JobState:
        try:
            self._take(self._changes.get(timeout=max(0.0, min(timeout_s, 1.0))))
            while True:
                self._take(self._changes.get_nowait())
        except queue.Empty:
            pass
        self._refuse_hopeless()
        return self._state

    def _take(self, change: Change) -> None:
        if change.kind == POD.kind:
            self.pods[change.obj["metadata"]["name"]] = change.obj
            self._follow_launcher(change.obj)
            if change.gone or "deletionTimestamp" in change.obj["metadata"]:
                self._deleted_since.setdefault(change.obj["metadata"]["name"], time.monotonic())
            return
        if change.kind == self._operator.state_resource.kind:
            self._state = self._operator.state(change.obj)
        if change.gone and self._state.phase not in _ENDED:
            raise JobFailed(f"{change.kind} {self._name} was deleted by somebody else while it ran")
        if change.kind == self._operator.resource.kind:
            self.resource = change.obj

    def _follow_launcher(self, pod: dict[str, Any]) -> None:
        if self._follower or not self._operator.launches(pod) or not pod_states.has_started(pod):
            return
        self._follower = LogFollower(
            self._kube,
            pod=pod["metadata"]["name"],
            container=self._operator.launcher_container_of(pod),
            file=self._log_file,
        )
        self._follower.start()

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
            self._follower.join(timeout=LOG_END_S)
            if not self._follower.complete:
                log.warning("%s: the launcher's log may lack its end", self._name)

    def _is_whole(self) -> bool:
        started = [pod for pod in self.rank_pods if pod_states.has_started(pod)]
        known = self.resource is not None and self._follower is not None
        return known and len(started) >= self._nodes

    def _refuse_hopeless(self) -> None:
        self._refuse_restart()
        self._refuse_ended_launcher()
        self._refuse_deleted_launcher()
        for name, pod in self.pods.items():
            self._refuse_failed_init(name, pod)
            for status in pod_states.statuses(pod):
                waiting = status.get("state", {}).get("waiting", {})
                if waiting.get("reason") in HOPELESS:
                    reason, text = waiting["reason"], waiting.get("message", "")
                    msg = f"pod {name} cannot start from image {status['image']}: {reason} {text}"
                    raise JobFailed(msg)
            self._refuse_unschedulable(name, pod)

    def _refuse_restart(self) -> None:
        """End the point at the first failure of its launcher.

        Some operators would run the application again, which would be a measurement of something
        else, or wait for ever for pods that are done. Others come to the same end by themselves.
        """
        if self._state.phase in _ENDED:
            return
        for name, pod in self.pods.items():
            if not self._operator.launches(pod) or not (ends := pod_states.bad_ends(pod)):
                continue
            since = self._launcher_failed_at.setdefault(name, time.monotonic())
            if pod_states.restarts(pod) or time.monotonic() - since > FAILED_LAUNCHER_S:
                end = pod_states.exit_text(ends[0])
                raise JobFailed(f"the launching pod {name} ended with {end}, its job goes on")

    def _refuse_ended_launcher(self) -> None:
        """End the point when its launcher has ended, however well, and its job goes on.

        Under some operators a pod that does not launch waits for a launcher that is done. When the
        log tells of a failure already, the job gets no time to come to its own end.
        """
        ended = [name for name, pod in self.pods.items() if self._has_ended_launching(pod)]
        if not ended or self._state.phase in _ENDED:
            return
        now = time.monotonic()
        self._launcher_ended_at = self._launcher_ended_at or now
        msg = f"the launching pod {ended[0]} has ended, its job goes on"
        for_s = now - self._launcher_ended_at
        if for_s > FAILED_LAUNCHER_S and (failure := self._failure_in_log()):
            raise JobFailed(f"{msg}; {failure}")
        if for_s > ENDED_LAUNCHER_S + ENDED_LAUNCHER_PER_NODE_S * self._nodes:
            raise JobFailed(f"{msg}; {self._standing()}")

    def _has_ended_launching(self, pod: dict[str, Any]) -> bool:
        if not self._operator.launches(pod):
            return False
        container = self._operator.launcher_container_of(pod)
        return any(
            "terminated" in status.get("state", {})
            for status in pod.get("status", {}).get("containerStatuses", [])
            if status.get("name", container) == container
        )

    def _failure_in_log(self) -> str | None:
        """What the log of a launcher that has ended says against its success, when it does."""
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

    def _refuse_deleted_launcher(self) -> None:
        """End the point when its launching pod is deleted before it has ended."""
        if self._state.phase in _ENDED:
            return
        for name, since in self._deleted_since.items():
            pod = self.pods[name]
            if not self._operator.launches(pod) or self._has_ended_launching(pod):
                continue
            if time.monotonic() - since > DELETED_LAUNCHER_S:
                raise JobFailed(f"the launching pod {name} was deleted by somebody else")

    def _refuse_failed_init(self, name: str, pod: dict[str, Any]) -> None:
        """End the point when a container that prepares a pod fails: what comes after is undefined.

        One that is started again finds what the first one has left half done.
        """
        if pod.get("status", {}).get("phase") != "Pending":
            return
        for status in pod["status"].get("initContainerStatuses", []):
            if ends := pod_states.failed_ends(status):
                container, end = status["name"], pod_states.exit_text(ends[0])
                raise JobFailed(f"init container {container} of pod {name} ended with {end}")

    def _refuse_unschedulable(self, name: str, pod: dict[str, Any]) -> None:
        message = pod_states.unschedulable(pod)
        if message is None:
            self._unschedulable_since.pop(name, None)
            return
        since = self._unschedulable_since.setdefault(name, time.monotonic())
        if time.monotonic() - since > UNSCHEDULABLE_S:
            raise JobFailed(f"pod {name} cannot be scheduled: {message}")

    def _failure(self, message: str) -> str:
        exits = [
            f"{pod['metadata']['name']} ended with {pod_states.exit_text(end)}"
            for pod in self.pods.values()
            for end in pod_states.bad_ends(pod)
            # Pods that do not launch are ended with the job, which is no news.
            if self._operator.launches(pod) or end.get("reason") == pod_states.OUT_OF_MEMORY
        ]
        return "; ".join([*exits, message])

    def _standing(self) -> str:
        phases = [pod.get("status", {}).get("phase", "?") for pod in self.pods.values()]
        counted = ", ".join(f"{phases.count(each)} {each}" for each in sorted(set(phases)))
        return f"pods: {counted or 'none'}"
