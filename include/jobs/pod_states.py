"""The state of a pod's containers: started, failed, restarted, not placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.kube.conditions import condition

if TYPE_CHECKING:
    from collections.abc import Iterable

OUT_OF_MEMORY = "OOMKilled"  # the kernel's reason; invisible if it kills a rank alone
KILLED = (9, 137)  # MPICH's launcher passes on the signal of a rank, a shell adds 128
UNPLACED = ("Unschedulable", "SchedulingGated")
_STARTED = ("running", "terminated")


def own(pod: dict[str, Any], container: str) -> list[dict[str, Any]]:
    """States of the container of that name: others are injected, and count for nothing."""
    listed: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses", [])
    return [status for status in listed if status.get("name", container) == container]


def has_started(statuses: Iterable[dict[str, Any]]) -> bool:
    """True if a container runs or ran."""
    return any(state in status.get("state", {}) for status in statuses for state in _STARTED)


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """States of all containers of a pod, those that prepare it first."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def failed_ends(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The failure of one container, with that of its previous run first."""
    states = [status.get(which, {}) for which in ("lastState", "state")]
    return [state["terminated"] for state in states if state.get("terminated", {}).get("exitCode")]


def exit_text(end: dict[str, Any]) -> str:
    """The exit code, with what to do about it where that is known."""
    code, reason = end["exitCode"], end.get("reason")
    if reason == OUT_OF_MEMORY:
        return f"exit code {code} ({reason}: raise pod_resources.memory)"
    if code in KILLED:
        return f"exit code {code} (killed; for want of memory, or its binding failed? see job.log)"
    return f"exit code {code}"


def exit_code(statuses: Iterable[dict[str, Any]]) -> int | None:
    """The exit code of a container that has ended."""
    ends = (status.get("state", {}).get("terminated", {}) for status in statuses)
    return next((end["exitCode"] for end in ends if "exitCode" in end), None)


def restarts(statuses: Iterable[dict[str, Any]]) -> bool:
    """True if a container was restarted."""
    return any(status.get("restartCount", 0) for status in statuses)


def still_running(pod: dict[str, Any], *, besides: str) -> list[str]:
    """Names of the containers that run beside one."""
    return [
        status["name"]
        for status in pod.get("status", {}).get("containerStatuses", [])
        if status.get("name", besides) != besides and "running" in status.get("state", {})
    ]


def loss(pod: dict[str, Any]) -> str | None:
    """The way the cluster removed the pod, evicted or with its node; None when it did not."""
    status = pod.get("status", {})
    if reason := status.get("reason"):  # Evicted, NodeLost, Preempting, Shutdown, …
        return f"is lost ({reason}): {status.get('message') or 'no message'}"
    if target := condition(pod, "DisruptionTarget"):
        text = target.get("message") or "no message"
        return f"is taken away ({target.get('reason', 'DisruptionTarget')}): {text}"
    return None


def is_silent(pod: dict[str, Any]) -> bool:
    """True if the cluster treats a pod as not ready that its kubelet called ready."""
    status = pod.get("status", {})
    listed = status.get("containerStatuses", [])
    is_unready = any(
        each["type"] == "Ready" and each["status"] != "True"
        for each in status.get("conditions", [])
    )
    return is_unready and bool(listed) and all(each.get("ready") for each in listed)


def suspension(resource: dict[str, Any]) -> str | None:
    """A job's message about its suspension, None when it is not suspended."""
    told = condition(resource, "Suspended")
    if told is not None:
        text = f"Suspended, {told.get('reason', 'no reason')}"
        return f"{text}: {told['message']}" if told.get("message") else text
    spec = resource.get("spec", {})
    if spec.get("suspend") or spec.get("runPolicy", {}).get("suspend"):
        return "its spec has suspend: true"
    return None


def unschedulable(pod: dict[str, Any]) -> str | None:
    """Why the scheduler finds no node for the pod, None when it has one or has not looked."""
    for told in pod.get("status", {}).get("conditions", []):
        if told["type"] == "PodScheduled" and told.get("reason") in UNPLACED:
            gates = ", ".join(each["name"] for each in pod["spec"].get("schedulingGates", []))
            text = str(told.get("message", ""))
            return f"{text} (scheduling gates {gates}, as of a queue)" if gates else text
    return None
