"""Obstacles in a job's objects that no waiting would remove."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include.jobs import pod_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from include.k8s_operators import K8sOperator

FAILED_LAUNCHER_S = 5.0  # grace for the operator to notice a failed launcher
# Grace for the operator to notice that its launcher has ended, plus some for each node.
ENDED_LAUNCHER_S, ENDED_LAUNCHER_PER_NODE_S = 10.0, 0.2
DELETED_LAUNCHER_S = 2.0  # grace for the news that the whole job was deleted
DELETED_RANKS_S = 4.0  # grace for the launcher to fail because of it, or to end
LOST_RANKS_S = 3.0  # grace for a pod that is out of memory, evicted, or lost with its node
FAILED_RANKS_S = 10.0  # grace for the launcher to end and report more
SILENT_NODE_S = 10.0
UNSCHEDULABLE_S = 30.0  # pods of the previous point may still be leaving their nodes
STUCK_S = 30.0  # a volume or a network may come a little after its pod
INJECTED_S = 30.0  # an injected container may start late, or not be needed
SUSPENDED_S = 15.0  # a queue with room admits a job within two seconds
UNMADE_S = 10.0  # pods of the previous point may still use up a quota
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


STARTING = frozenset({"ContainerCreating", "PodInitializing"})  # waiting reasons of every start


@dataclass(frozen=True, kw_only=True)
class View:
    """The current state of a job, from its watches."""

    operator: K8sOperator
    nodes: int
    pods: Mapping[str, dict[str, Any]]  # pods by name, including those that are gone
    deleted: Collection[str] = ()  # names of pods that are gone or being deleted
    deleted_early: Collection[str] = ()  # those deleted before the job had ended
    losses: Mapping[str, str] = field(default_factory=dict)  # by pod; its name may be reused
    resources: Sequence[dict[str, Any]] = ()  # the job's own objects, for their conditions
    unmade: Sequence[str] = ()  # reasons why pods could not be made
    stuck: Mapping[str, str] = field(default_factory=dict)  # by pod, why it cannot start
    log_failure: str | None = None  # evidence against success in the log of an ended launcher

    @property
    def launchers(self) -> dict[str, dict[str, Any]]:
        """The launcher pods."""
        return {name: pod for name, pod in self.pods.items() if self.operator.launches(pod)}

    @property
    def ended_launchers(self) -> list[str]:
        """Names of launcher pods whose launcher container has ended."""
        return [name for name, pod in self.launchers.items() if has_ended(self.operator, pod)]


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One obstacle, and how long it may last."""

    key: str
    text: str
    grace_s: float = 0.0


class Patience:
    """Start time of each obstacle."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def exhausted(self, obstacles: Iterable[Obstacle]) -> Obstacle | None:
        """The first obstacle that has outlasted its grace; those that have gone are forgotten."""
        present = list(obstacles)
        now = time.monotonic()
        self._since = {each.key: self._since.get(each.key, now) for each in present}
        over = (each for each in present if now - self._since[each.key] >= each.grace_s)
        return next(over, None)


def has_ended(operator: K8sOperator, pod: dict[str, Any]) -> bool:
    """True if the pod's container that launches or carries ranks has ended."""
    own = pod_states.own(pod, operator.container_of(pod))
    return any("terminated" in status.get("state", {}) for status in own)


def removal(view: View, name: str, pod: dict[str, Any]) -> str | None:
    """The way a pod was removed before its own end; None when it was not.

    It takes precedence over the exit code, which is only a consequence of the removal.
    """
    if loss := _loss(view, name, pod):
        return loss
    return "was deleted by somebody else" if name in view.deleted_early else None


def _loss(view: View, name: str, pod: dict[str, Any]) -> str | None:
    """The way the cluster removed the pod, or a previous one of its name."""
    return pod_states.loss(pod) or view.losses.get(name)


def standing(pods: Mapping[str, dict[str, Any]]) -> str:
    """The number of pods in each phase."""
    phases = [pod.get("status", {}).get("phase", "?") for pod in pods.values()]
    counted = ", ".join(f"{phases.count(each)} {each}" for each in sorted(set(phases)))
    return f"pods: {counted or 'none'}"


def of(view: View) -> Iterator[Obstacle]:
    """Everything in the way of a job that has not ended."""
    yield from _suspension(view)  # first: it is why the pods go
    for name, pod in view.pods.items():
        yield from _preparation(view, name, pod)
        yield from _placement(name, pod)
    for name, pod in view.launchers.items():
        yield from _launcher(view, name, pod)
    if not view.ended_launchers:
        for name, pod in view.pods.items():
            if view.operator.carries_ranks(pod) and not view.operator.launches(pod):
                yield from _ranks(view, name, pod)
    for text in view.unmade:
        yield Obstacle(key="unmade", text=f"its pods are not made: {text}", grace_s=UNMADE_S)


def _preparation(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """Images that cannot be had, failing init containers, and what a node cannot provide.

    A restarted init container meets what the first one left half done.
    """
    own = pod_states.own(pod, view.operator.container_of(pod))
    for status in pod_states.statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if (reason := waiting.get("reason", "")) not in {"", *STARTING}:
            text = f"{reason} {waiting.get('message', '')}".strip()
            text = f"cannot start from image {status.get('image')}: {text}"
            grace_s = 0.0 if reason in HOPELESS else STUCK_S
            yield from _hopeless(name, pod, own, status=status, text=text, grace_s=grace_s)
    if pod.get("status", {}).get("phase") != "Pending":
        return
    for status in pod["status"].get("initContainerStatuses", []):
        if ends := pod_states.failed_ends(status):
            container, end = status["name"], pod_states.exit_text(ends[0])
            text = f"init container {container} of pod {name} ended with {end}"
            yield Obstacle(key=f"init {name}", text=text)
    if name in view.stuck and not pod_states.has_started(own):
        text = f"pod {name} is not started by its node: {view.stuck[name]}"
        yield Obstacle(key=f"stuck {name}", text=text, grace_s=STUCK_S)


def _hopeless(
    name: str,
    pod: dict[str, Any],
    own: list[dict[str, Any]],
    *,
    status: dict[str, Any],
    text: str,
    grace_s: float,
) -> Iterator[Obstacle]:
    """A container that cannot start; an injected one counts only while it may delay ours."""
    is_injected = status not in own and status in pod["status"].get("containerStatuses", [])
    if not is_injected:
        yield Obstacle(key=f"image {name}", text=f"pod {name} {text}", grace_s=grace_s)
    elif not pod_states.has_started(own):
        text = f"container {status['name']} of pod {name}, which is not the study's, {text}"
        yield Obstacle(key=f"injected {name}", text=text, grace_s=INJECTED_S)


def _placement(name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    message = pod_states.unschedulable(pod)
    if message is not None:
        text = f"pod {name} cannot be scheduled: {message}"
        yield Obstacle(key=f"placement {name}", text=text, grace_s=UNSCHEDULABLE_S)
    elif pod_states.is_overlooked(pod):
        scheduler = pod["spec"].get("schedulerName", "default-scheduler")
        text = f"pod {name} is not looked at by its scheduler {scheduler}: does it run?"
        yield Obstacle(key=f"placement {name}", text=text, grace_s=UNSCHEDULABLE_S)


def _launcher(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A launcher that failed, was deleted, or ended while its job goes on.

    Some operators would run the application again, which would be a different measurement, or
    wait for ever for pods that are done. Others reach the same end by themselves.
    """
    own = pod_states.own(pod, view.operator.container_of(pod))
    what = f"the launching pod {name}"
    if ends := [end for status in own for end in pod_states.failed_ends(status)]:
        text = f"{what} {end_text(ends[0], removal(view, name, pod))}"
        grace_s = 0.0 if pod_states.restarts(own) else FAILED_LAUNCHER_S
        yield Obstacle(key="failed launcher", text=f"{text}, its job goes on", grace_s=grace_s)
    if has_ended(view.operator, pod):
        yield from _ended_launcher(view, name, pod)
    else:
        yield from _absence(view, name, pod, what=what, deleted_s=DELETED_LAUNCHER_S)


def end_text(end: dict[str, Any], taken_away: str | None) -> str:
    """The end of a container, after the fate of its pod."""
    if taken_away is None:
        return f"ended with {pod_states.exit_text(end)}"
    return f"{taken_away}; it ended with exit code {end.get('exitCode')}"


def _ended_launcher(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A launcher that has ended, successfully or not, while its job goes on.

    Under some operators other pods wait for a launcher that is done. When the log already shows
    a failure, the job gets no time to reach its own end.
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
    if taken_away := removal(view, name, pod):
        text = f"the launching pod {name} {taken_away}; its job goes on"
    if view.log_failure:
        text = f"{text}; {view.log_failure}"
        yield Obstacle(key="contradicted launcher", text=text, grace_s=FAILED_LAUNCHER_S)
    grace_s = ENDED_LAUNCHER_S + ENDED_LAUNCHER_PER_NODE_S * view.nodes
    text = "; ".join([text, standing(view.pods), *_kept(view)])
    yield Obstacle(key="ended launcher", text=text, grace_s=grace_s)


def _kept(view: View) -> Iterator[str]:
    """Finished pods kept running by an injected container."""
    for name, pod in view.pods.items():
        others = pod_states.still_running(pod, besides=view.operator.container_of(pod))
        if others and has_ended(view.operator, pod):
            yield f"pod {name} is kept by {', '.join(others)}, which is not the study's"


def _ranks(view: View, name: str, pod: dict[str, Any]) -> Iterator[Obstacle]:
    """A lost rank pod: MPI waits for it for ever, and no pod is restarted."""
    what = f"pod {name}, which carries ranks,"
    own = pod_states.own(pod, view.operator.container_of(pod))
    ends = [end for status in own for end in pod_states.ends(status)]
    if ends and not removal(view, name, pod):
        is_memory = ends[0].get("reason") == pod_states.OUT_OF_MEMORY
        text = f"{what} ended with {pod_states.exit_text(ends[0])}, its job goes on"
        grace_s = FAILED_RANKS_S + ENDED_LAUNCHER_PER_NODE_S * view.nodes
        grace_s = LOST_RANKS_S if is_memory else grace_s
        yield Obstacle(key=f"end {name}", text=text, grace_s=grace_s)
    else:
        yield from _absence(view, name, pod, what=what, deleted_s=DELETED_RANKS_S)


def _absence(
    view: View, name: str, pod: dict[str, Any], *, what: str, deleted_s: float
) -> Iterator[Obstacle]:
    """A pod that will never end: the cluster, another user, or its node removed it."""
    if loss := _loss(view, name, pod):
        yield Obstacle(key=f"loss {name}", text=f"{what} {loss}", grace_s=LOST_RANKS_S)
    elif name in view.deleted:
        text = f"{what} was deleted by somebody else"
        yield Obstacle(key=f"deletion {name}", text=text, grace_s=deleted_s)
    elif pod_states.is_silent(pod):
        node = pod.get("spec", {}).get("nodeName", "?")
        text = f"{what} is lost: its node {node} answers no more"
        yield Obstacle(key=f"silence {name}", text=text, grace_s=SILENT_NODE_S)


def _suspension(view: View) -> Iterator[Obstacle]:
    for resource in view.resources:
        if text := pod_states.suspension(resource):
            how = "is suspended, as by a queue that does not admit it"
            if view.deleted_early:
                how = "was suspended while it ran, as by a queue that gives its place to another"
            grace_s = 0.0 if view.deleted_early else SUSPENDED_S
            text = f"{resource['kind']} {how}: {text}"
            yield Obstacle(key="suspension", text=text, grace_s=grace_s)
