"""The state of a pod's containers: started, failed, restarted, not placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.kube.conditions import condition

if TYPE_CHECKING:
    from collections.abc import Iterable

OUT_OF_MEMORY = "OOMKilled"  # the kernel's reason; invisible if it only kills a rank
KILLED = (9, 137)  # MPICH's launcher passes on a rank's signal, a shell adds 128
ORDINARY_ENDS = (None, "Completed", "Error")  # reasons that say no more than the exit code
_STARTED = ("running", "terminated")


def own(pod: dict[str, Any], container: str) -> list[dict[str, Any]]:
    """States of the container of that name: others are injected and do not count."""
    listed: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses", [])
    return [status for status in listed if status.get("name", container) == container]


def has_started(statuses: Iterable[dict[str, Any]]) -> bool:
    """True if a container runs or ran."""
    return any(state in status.get("state", {}) for status in statuses for state in _STARTED)


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """States of all containers of a pod, init containers first."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def failed_ends(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The failures of one container, that of its previous run first."""
    return [end for end in ends(status) if end.get("exitCode")]


def ends(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The ends of one container, successful or not, that of its previous run first."""
    states = [status.get(which, {}) for which in ("lastState", "state")]
    return [state["terminated"] for state in states if state.get("terminated")]


def exit_text(end: dict[str, Any]) -> str:
    """The exit code, with a remedy where one is known."""
    code, reason = end.get("exitCode"), end.get("reason")
    if reason == OUT_OF_MEMORY:
        return f"exit code {code} ({reason}: raise pod_resources.memory)"
    if code in KILLED:
        return f"exit code {code} (killed; out of memory, or failed binding? see job.log)"
    if reason in ORDINARY_ENDS:
        return f"exit code {code}"
    return f"exit code {code} ({': '.join(filter(None, (reason, end.get('message'))))})"


def exit_code(statuses: Iterable[dict[str, Any]]) -> int | None:
    """The exit code of a container that has ended."""
    ends = (status.get("state", {}).get("terminated", {}) for status in statuses)
    return next((end["exitCode"] for end in ends if "exitCode" in end), None)


def restarts(statuses: Iterable[dict[str, Any]]) -> bool:
    """True if a container was restarted."""
    return any(status.get("restartCount", 0) for status in statuses)


def still_running(pod: dict[str, Any], *, besides: str) -> list[str]:
    """Names of the containers running besides that one."""
    return [
        status["name"]
        for status in pod.get("status", {}).get("containerStatuses", [])
        if status.get("name", besides) != besides and "running" in status.get("state", {})
    ]


def loss(pod: dict[str, Any]) -> str | None:
    """The way the cluster removed the pod, by eviction or with its node; None when it did not."""
    status = pod.get("status", {})
    if reason := status.get("reason"):  # Evicted, NodeLost, Preempting, Shutdown, …
        return f"is lost ({reason}): {status.get('message') or 'no message'}"
    if target := condition(pod, "DisruptionTarget"):
        text = target.get("message") or "no message"
        return f"is taken away ({target.get('reason', 'DisruptionTarget')}): {text}"
    phase = status.get("phase")
    if phase == "Unknown" or (phase == "Failed" and not _ended_containers(pod)):
        return f"is lost: its phase is {phase}, and nothing says why"
    return None


def _ended_containers(pod: dict[str, Any]) -> bool:
    return any("terminated" in status.get("state", {}) for status in statuses(pod))


def is_silent(pod: dict[str, Any]) -> bool:
    """True if the cluster treats a pod as not ready although its kubelet called it ready."""
    status = pod.get("status", {})
    listed = status.get("containerStatuses", [])
    is_unready = any(
        each.get("type") == "Ready" and each.get("status") != "True"
        for each in status.get("conditions", [])
    )
    return is_unready and bool(listed) and all(each.get("ready") for each in listed)


def suspension(resource: dict[str, Any]) -> str | None:
    """A job's message about its suspension, None when it is not suspended."""
    reported = condition(resource, "Suspended")
    if reported is not None:
        text = f"Suspended, {reported.get('reason', 'no reason')}"
        return f"{text}: {reported['message']}" if reported.get("message") else text
    return "its spec has suspend: true" if is_suspended(resource) else None


def is_suspended(resource: dict[str, Any]) -> bool:
    """True if a job is not to have pods yet, by its own spec."""
    spec = resource.get("spec", {})
    return bool(spec.get("suspend") or spec.get("runPolicy", {}).get("suspend"))


def waits_for_node(pod: dict[str, Any]) -> bool:
    """True if the pod's node has not started it."""
    return _is_pending(pod) and _is_placed(pod)


def is_overlooked(pod: dict[str, Any]) -> bool:
    """True if no scheduler has mentioned the pod or assigned it to a node."""
    conditions = pod.get("status", {}).get("conditions", [])
    has_news = any(each.get("type") == "PodScheduled" for each in conditions)
    return _is_pending(pod) and not _is_placed(pod) and not has_news


def _is_pending(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Pending")


def _is_placed(pod: dict[str, Any]) -> bool:
    return bool(pod.get("spec", {}).get("nodeName"))


def unschedulable(pod: dict[str, Any]) -> str | None:
    """Reason why the scheduler has no node for the pod; None when it has one or did not look."""
    for reported in pod.get("status", {}).get("conditions", []):
        if reported.get("type") == "PodScheduled" and reported.get("status") == "False":
            gates = ", ".join(each["name"] for each in pod["spec"].get("schedulingGates", []))
            text = str(reported.get("message") or reported.get("reason", "no reason"))
            return f"{text} (scheduling gates {gates}, as of a queue)" if gates else text
    return None
