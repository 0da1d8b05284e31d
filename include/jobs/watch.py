"""Watches one job from its creation to its end: its resource, its pods, its launcher's log."""

from __future__ import annotations

import logging
import queue
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from include import waiting
from include.errors import ClusterError, JobFailed, JobTimeout, ParseError
from include.jobs import obstacles, pod_states
from include.jobs.events import Warnings
from include.jobs.health import Health
from include.k8s_operators import LABEL_POINT, JobPhase, JobState, K8sOperator
from include.kube.answers import AccessRefused
from include.kube.follower import stop_all
from include.kube.guarded import GuardedKube
from include.kube.kinds import POD
from include.kube.watch import Change, LogFollower, Watcher
from include.parsers import kubelet_log
from include.parsers.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.kube.client import Kube
    from include.kube.log_text import Gap

log = logging.getLogger(__name__)

NO_LOG = ("no launching pod was seen running, so there is no log",)
LOOK_S = 1.0  # pause between two looks at a job's obstacles, without news of it
LOG_END_S = 10.0  # time for the log to arrive after the job's end
SETTLE_S = 5.0  # maximum lag of the pods' watch behind the resource's
DEADLINE = "DeadlineExceeded"
WARNINGS = 3  # cluster warnings shown on a timeout
_ENDED = (JobPhase.SUCCEEDED, JobPhase.FAILED)


class JobWatch:
    """The observed state of one job. A context manager that ends its threads.

    `pods` keeps the last state of deleted pods: operators delete workers at the job's end, and
    their nodes and timestamps must not be lost.
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
        self._losses: dict[str, str] = {}  # by pod, whose name another may have by now
        self.asking = GuardedKube(kube, self._health.require)  # for who waits with it, too
        self._warnings = Warnings(self.asking.once(), name, since=lambda: self.created_at)

    def __enter__(self) -> Self:
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        stop_all([*self._watchers, *([self._follower] if self._follower else [])])
        self.asking.close()

    @property
    def rank_pods(self) -> list[dict[str, Any]]:
        """Last known states of the rank pods, by name."""
        return [pod for _, pod in sorted(self.pods.items()) if self._operator.carries_ranks(pod)]

    @property
    def created_at(self) -> str | None:
        """Creation of this job's first own object, by the API server; None when unknown.

        Older objects of its name belong to an earlier attempt.
        """
        stamps = [each["metadata"].get("creationTimestamp") for each in self._resources.values()]
        return min((each for each in stamps if each), default=None)

    @property
    def log_gaps(self) -> tuple[Gap, ...]:
        """Places in the launcher's log where lines may be missing."""
        return tuple(self._follower.gaps) if self._follower else ()

    @property
    def log_doubts(self) -> tuple[str, ...]:
        """Reasons to doubt that the launcher's log is complete."""
        return self._follower.doubts if self._follower else NO_LOG

    def wait(self, *, timeout_s: float) -> JobState:
        """The job's state once it has succeeded.

        JobFailed with the reason when it has failed or cannot succeed, JobTimeout when it takes too
        long. A fault of the cluster itself is raised instead, as it says nothing about the job.
        """
        try:
            return self._wait(timeout_s=timeout_s)
        except JobFailed:
            self._health.require()
            raise

    def _wait(self, *, timeout_s: float) -> JobState:
        limit = waiting.Limit(timeout_s)
        for _ in waiting.looks(limit_s=timeout_s, poll_s=0):
            state = self._next_state(limit.left_s)
            if state.phase is JobPhase.SUCCEEDED:
                self._settle(self._is_whole)
                return state
            if state.phase is JobPhase.FAILED:
                with suppress(ClusterError):  # an unreadable log is not why the job failed
                    self._settle(self._has_reason)
                raise JobFailed(self._failure(state.message))
        self._require_news(of_late=True)
        raise JobTimeout(f"not ended after {timeout_s:.0f} s (point_timeout_s): {self._standing()}")

    def _next_state(self, timeout_s: float) -> JobState:
        try:
            self._take(self._changes.get(timeout=max(0.0, min(timeout_s, LOOK_S))))
            while True:
                self._take(self._changes.get_nowait())
        except queue.Empty:
            pass
        self._health.look()
        self._require_news()
        self._refuse_hopeless()
        return self._state

    def _require_news(self, *, of_late: bool = False) -> None:
        """Raise ClusterError when nothing more can be learnt of the job and waiting is useless.

        `of_late` is for a timeout: then the most recent error is reason enough.
        """
        for watcher in self._watchers:
            trouble = watcher.trouble.last if of_late else watcher.trouble.lasting()
            if err := watcher.failure or trouble:
                raise ClusterError(f"the watch of {watcher.name} cannot go on: {err}") from err
        refused = self._follower.trouble.lasting() if self._follower else None
        if isinstance(refused, AccessRefused):  # other troubles with the log may pass
            raise ClusterError(f"the log cannot be read: {refused}") from refused

    def _take(self, change: Change) -> None:
        if change.kind == POD.kind:
            self.pods[change.obj["metadata"]["name"]] = change.obj
            self._follow_launcher(change.obj)
            self._end_log_with(change.obj)
            self._note_removal(change)
            return
        self._resources[change.kind] = change.obj
        if change.kind == self._operator.state_resource.kind:
            self._state = self._operator.state(change.obj)
        if change.gone and self._state.phase not in _ENDED:
            raise JobFailed(f"{change.kind} {self._name} was deleted by somebody else while it ran")
        if change.kind == self._operator.resource.kind:
            self.resource = change.obj

    def _note_removal(self, change: Change) -> None:
        pod, name = change.obj, change.obj["metadata"]["name"]
        if loss := pod_states.loss(pod):
            self._losses.setdefault(name, loss)
        if name in self._deleted or not (change.gone or "deletionTimestamp" in pod["metadata"]):
            return
        self._deleted.add(name)
        if self._operator.launches(pod):  # its job's end may be known first
            is_early = not obstacles.has_ended(self._operator, pod)
        else:
            launchers = [each for each in self.pods.values() if self._operator.launches(each)]
            has_ended = any(obstacles.has_ended(self._operator, each) for each in launchers)
            is_early = self._state.phase not in _ENDED and not has_ended
        if is_early:
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
        """End the log with its container: streams may end earlier."""
        is_over = self._operator.launches(pod) and obstacles.has_ended(self._operator, pod)
        if self._follower and is_over:
            self._follower.expect_end()

    def _has_started(self, pod: dict[str, Any]) -> bool:
        return pod_states.has_started(pod_states.own(pod, self._operator.container_of(pod)))

    def _settle(self, is_settled: Callable[[], bool]) -> None:
        """Wait for the other watches to catch up, and for the log to end by itself.

        The watches are independent, so a job's end may be known before the start of its pods, and
        before the resource itself where another object reports the end.
        """
        for _ in waiting.looks(limit_s=SETTLE_S, poll_s=0):
            if is_settled():
                break
            with suppress(queue.Empty):
                self._take(self._changes.get(timeout=0.1))
        if self._follower:
            self._follower.finish(self.asking, timeout_s=LOG_END_S)
            if not self._follower.complete:
                log.warning("%s: the launcher's log may lack its end", self._name)

    def _is_whole(self) -> bool:
        started = [pod for pod in self.rank_pods if self._has_started(pod)]
        return bool(self.resource and self._follower) and len(started) >= self._nodes

    def _has_reason(self) -> bool:
        """True if the reason for the failure is known: a launcher pod's end, or a loss."""
        view = self._view()
        lost = (obstacles.removal(view, name, pod) for name, pod in self.pods.items())
        return self._is_whole() and bool(view.ended_launchers or any(lost))

    def _refuse_hopeless(self) -> None:
        """JobFailed when an obstacle is in the way that no waiting removes."""
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
            deleted_early=self._deleted_early,
            losses=self._losses,
            resources=tuple(self._resources.values()),
            unmade=() if self._has_all_pods() or not self._resources else self._warnings.unmade(),
            stuck=self._warnings.stuck(self.pods),
            log_failure=self._failure_in_log(),
        )

    def _has_all_pods(self) -> bool:
        has_launcher = any(map(self._operator.launches, self.pods.values()))
        return has_launcher and len(self.rank_pods) >= self._nodes

    def _failure_in_log(self) -> str | None:
        """The evidence against success in the log of an ended launcher, if there is any."""
        if self._follower is None or self._follower.is_alive():
            return None
        try:
            lines = [kubelet_log.split_stamp(line)[1] for line in lines_of(self._follower.text)]
            self._operator.confirm_success(lines)
        except (JobFailed, ParseError) as err:
            return str(err) if isinstance(err, JobFailed) else None
        return None

    def _failure(self, message: str) -> str:
        """Reason of the job's failure: losses and ends of its pods, then its own message."""
        view, reasons = self._view(), []
        is_own = DEADLINE in message  # past it, the job's own controller deletes its pods
        for name, pod in self.pods.items():
            taken_away = None if is_own else obstacles.removal(view, name, pod)
            texts = [
                obstacles.end_text(end, taken_away)
                for status in pod_states.own(pod, self._operator.container_of(pod))
                for end in pod_states.failed_ends(status)
                # Pods that do not launch end with the job, as expected.
                if self._operator.launches(pod) or end.get("reason") == pod_states.OUT_OF_MEMORY
            ]
            texts = texts or ([taken_away] if taken_away else [])
            reasons += [f"pod {name} {text}" for text in texts]
        return "; ".join([*reasons, message.rstrip(": ")])

    def _standing(self) -> str:
        """The observed state at a timeout."""
        texts = [each.text for each in obstacles.of(self._view())]
        texts += self._warnings.now()[:WARNINGS]
        return "; ".join([obstacles.standing(self.pods), *texts])
