"""What the state of a pod says of its containers: started, failed, started again, not placed."""

from __future__ import annotations

from typing import Any

OUT_OF_MEMORY = "OOMKilled"  # by the kernel; where that kills a rank alone, no pod tells of it
KILLED = (9, 137)  # MPICH's launcher passes on the signal of a rank, a shell adds 128
_STARTED = ("running", "terminated")


def has_started(pod: dict[str, Any]) -> bool:
    """Whether one of the pod's own containers runs or ran."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any(state in status.get("state", {}) for status in statuses for state in _STARTED)


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """States of all containers of a pod, those that prepare it first."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def bad_ends(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """How the pod's containers failed, those of runs before this one first."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return [end for status in statuses for end in failed_ends(status)]


def failed_ends(status: dict[str, Any]) -> list[dict[str, Any]]:
    """How one container failed, the run before this one first."""
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


def restarts(pod: dict[str, Any]) -> bool:
    """Whether one of the pod's own containers was started again."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any(status.get("restartCount", 0) for status in statuses)


def unschedulable(pod: dict[str, Any]) -> str | None:
    """Why the scheduler finds no node for the pod, None when it has one or has not looked."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition.get("message", ""))
    return None
