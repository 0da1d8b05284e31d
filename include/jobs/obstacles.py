"""Obstacles, read from a job's objects, that no waiting would remove."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.jobs import pod_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from include.k8s_operators import K8sOperator

FAILED_LAUNCHER_S = 5.0  # grace for the operator to notice a failed launcher
# An operator should have noticed by then that its launcher has ended; so much for each node more.
ENDED_LAUNCHER_S, ENDED_LAUNCHER_PER_NODE_S = 10.0, 0.2
DELETED_LAUNCHER_S = 2.0  # grace for the news that the whole job was deleted
DELETED_RANKS_S = 4.0  # the launcher may fail of it, or end, meanwhile
LOST_RANKS_S = 3.0  # grace for a pod that is out of memory, evicted, or lost with its node
FAILED_RANKS_S = 10.0  # the launcher may still end, and tell more
SILENT_NODE_S = 10.0
UNSCHEDULABLE_S = 30.0  # pods of the point before may still be leaving their nodes
SUSPENDED_S = 15.0  # a queue with room admits a job within a second or two
UNMADE_S = 10.0  # a quota may still be taken by the pods of the point before
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


@dataclass(frozen=True, kw_only=True)
class View:
    """A job as its watches tell it now."""

    operator: K8sOperator
    nodes: int
    pods: Mapping[str, dict[str, Any]]  # pods by name, including those that are gone
    deleted: Collection[str] = ()  # names of pods that are gone, or are to go
    resources: Sequence[dict[str, Any]] = ()  # the job's own objects, for their conditions
    unmade: Sequence[str] = ()  # why pods could not be made
    log_failure: str | None = None  # what the log of an ended launcher says against its success

    @property
    def launchers(self) -> dict[str, dict[str, Any]]:
        """The pods that launch."""
        return {name: pod for name, pod in self.pods.items() if self.operator.launches(pod)}

    @property
    def ended_launchers(self) -> list[str]:
        """Names of launching pods whose launching container has ended."""
        return [name for name, pod in self.launchers.items() if has_ended(self.operator, pod)]


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One thing that is in the way, and for how long that may pass."""

    key: str
    text: str
    grace_s: float = 0.0


class Patience:
    """Since when each obstacle is there."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def exhausted(self, obstacles: Iterable[Obstacle]) -> Obstacle | None:
        """The first obstacle that has outlasted its grace; those that are gone are forgotten."""
        present = list(obstacles)
        now = time.monotonic()
        self._since = {each.key: self._since.get(each.key, now) for each in present}
        over = (each for each in present if now - self._since[each.key] >= each.grace_s)
        return next(over, None)


def has_ended(operator: K8sOperator, pod: dict[str, Any]) -> bool:
    """True if the container of the pod that launches, or carries ranks, has ended."""
    own = pod_states.own(pod, operator.container_of(pod))
    return any("terminated" in status.get("state", {}) for status in own)


def standing(pods: Mapping[str, dict[str, Any]]) -> str:
    """The number of pods in each phase."""
    phases = [pod.get("status", {}).get("phase", "?") for pod in pods.values()]
    counted = ", ".join(f"{phases.count(each)} {each}" for each in sorted(set(phases)))
    return f"pods: {counted or 'none'}"


def of(view: View) -> Iterator[Obstacle]:
    """All that is in the way of a job that has not ended."""
    for name, pod in view.pods.items():
        yield from _preparation(name, pod)
        yield from _placement(name, pod)
    for name, pod in view.launchers.items():
        yield from _launcher(view, name, pod)
    if not view.ended_launchers:
        for name, pod in view.pods.items():
            if view.operator.carries_ranks(pod) and not view.operator.launches(pod):
                yield from _ranks(view, name, pod)
    yield from _suspension(view)
    for text in view.unmade:
        yield Obstacle(key="unmade", text=f"its pods are not made: {text}", grace_s=UNMADE_S)


def _preparation(name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """Images that cannot be had, and init containers that fail.

    One that is started again finds what the first one has left half done.
    """
    for status in pod_states.statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") in HOPELESS:
            reason, text = waiting["reason"], waiting.get("message", "")
            text = f"pod {name} cannot start from image {status['image']}: {reason} {text}"
            yield Obstacle(key=f"image {name}", text=text)
    if pod.get("status", {}).get("phase") != "Pending":
        return
    for status in pod["status"].get("initContainerStatuses", []):
        if ends := pod_states.failed_ends(status):
            container, end = status["name"], pod_states.exit_text(ends[0])
            text = f"init container {container} of pod {name} ended with {end}"
            yield Obstacle(key=f"init {name}", text=text)


def _placement(name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    message = pod_states.unschedulable(pod)
    if message is not None:
        text = f"pod {name} cannot be scheduled: {message}"
        yield Obstacle(key=f"placement {name}", text=text, grace_s=UNSCHEDULABLE_S)


def _launcher(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A launcher that failed, was deleted, or ended while its job goes on.

    Some operators would run the application again, which would be a measurement of something
    else, or wait for ever for pods that are done. Others come to the same end by themselves.
    """
    own = pod_states.own(pod, view.operator.container_of(pod))
    if ends := [end for status in own for end in pod_states.failed_ends(status)]:
        text = f"the launching pod {name} ended with {pod_states.exit_text(ends[0])}"
        grace_s = 0.0 if pod_states.restarts(own) else FAILED_LAUNCHER_S
        yield Obstacle(key="failed launcher", text=f"{text}, its job goes on", grace_s=grace_s)
    if has_ended(view.operator, pod):
        yield from _ended_launcher(view, name, pod)
    elif loss := pod_states.loss(pod):
        yield Obstacle(key=f"loss {name}", text=f"pod {name} {loss}", grace_s=LOST_RANKS_S)
    elif name in view.deleted:
        text = f"the launching pod {name} was deleted by somebody else"
        yield Obstacle(key="deleted launcher", text=text, grace_s=DELETED_LAUNCHER_S)


def _ended_launcher(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A launcher that has ended, however well, while its job goes on.

    Under some operators a pod that does not launch waits for a launcher that is done. When the
    log tells of a failure already, the job gets no time to come to its own end.
    """
    container = view.operator.container_of(pod)
    if others := pod_states.still_running(pod, besides=container):
        code = pod_states.exit_code(pod_states.own(pod, container))
        text = (
            f"{container} of pod {name} ended with exit code {code}, {', '.join(others)} still "
            f"runs, which is not the study's, and keeps the pod and so the job from its end: have "
            f"none injected into the study's namespace"
        )
        yield Obstacle(key="kept launcher", text=text, grace_s=FAILED_LAUNCHER_S)
    text = f"the launching pod {name} has ended, its job goes on"
    if view.log_failure:
        text = f"{text}; {view.log_failure}"
        yield Obstacle(key="contradicted launcher", text=text, grace_s=FAILED_LAUNCHER_S)
    grace_s = ENDED_LAUNCHER_S + ENDED_LAUNCHER_PER_NODE_S * view.nodes
    text = f"{text}; {standing(view.pods)}"
    yield Obstacle(key="ended launcher", text=text, grace_s=grace_s)


def _ranks(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A pod with ranks that is lost: MPI waits for them for ever, and no pod is started again."""
    what = f"pod {name}, which carries ranks,"
    own = pod_states.own(pod, view.operator.container_of(pod))
    ends = [end for status in own for end in pod_states.failed_ends(status)]
    if loss := pod_states.loss(pod):
        yield Obstacle(key=f"loss {name}", text=f"{what} {loss}", grace_s=LOST_RANKS_S)
    elif ends:
        is_memory = ends[0].get("reason") == pod_states.OUT_OF_MEMORY
        text = f"{what} ended with {pod_states.exit_text(ends[0])}, its job goes on"
        grace_s = LOST_RANKS_S if is_memory else FAILED_RANKS_S
        yield Obstacle(key=f"end {name}", text=text, grace_s=grace_s)
    elif name in view.deleted:
        text = f"{what} was deleted by somebody else"
        yield Obstacle(key=f"deletion {name}", text=text, grace_s=DELETED_RANKS_S)
    elif pod_states.is_silent(pod):
        node = pod.get("spec", {}).get("nodeName", "?")
        text = f"{what} is lost: its node {node} answers no more"
        yield Obstacle(key=f"silence {name}", text=text, grace_s=SILENT_NODE_S)


def _suspension(view: View) -> Iterator[Obstacle]:
    for resource in view.resources:
        if text := pod_states.suspension(resource):
            text = f"{resource['kind']} is suspended, as by a queue that does not admit it: {text}"
            yield Obstacle(key="suspension", text=text, grace_s=SUSPENDED_S)
