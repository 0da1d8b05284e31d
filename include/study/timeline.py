"""The instants of one point, from the API server, the kubelets and the log's own line stamps.

The pipeline's own clock is never used. Stamps of the API server and of the kubelets are whole
seconds, cut off; stamps of log lines are finer. A difference between the two kinds is therefore
up to 1 s too long or too short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.jobs.pod_states import own
from include.kube.conditions import condition, instant
from include.models import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from include.applications import Application
    from include.k8s_operators import K8sOperator


def pod_instants(
    pods: Sequence[dict[str, Any]], *, operator: K8sOperator, expected: int
) -> dict[str, datetime | None]:
    """When the last of the rank-carrying pods was created, scheduled and running.

    None while one of the `expected` pods has not come that far: a job of which a worker never
    started has no such instant.
    """
    readings = {
        "pods_created_at": [instant(pod["metadata"]["creationTimestamp"]) for pod in pods],
        "pods_scheduled_at": [at for pod in pods if (at := _scheduled_at(pod))],
        "pods_running_at": [at for pod in pods if (at := _running_at(pod, operator))],
    }
    return {
        name: max(instants) if instants and len(instants) >= expected else None
        for name, instants in readings.items()
    }


def log_instants(
    lines: Iterable[tuple[datetime, str]], application: Application
) -> dict[str, datetime | None]:
    """When launcher and application started and ended, from the stamps of a launcher log."""
    instants: dict[str, datetime | None] = dict.fromkeys(
        ("launcher_started_at", "app_started_at", "app_finished_at", "launcher_finished_at")
    )
    for at, text in lines:
        instants["launcher_started_at"] = instants["launcher_started_at"] or at
        instants["launcher_finished_at"] = at
        if text.startswith(application.first_line) and not instants["app_started_at"]:
            instants["app_started_at"] = at
        if text.startswith(application.last_line):
            instants["app_finished_at"] = at
    return instants


def _scheduled_at(pod: dict[str, Any]) -> datetime | None:
    scheduled = condition(pod, "PodScheduled")
    return instant(scheduled["lastTransitionTime"]) if scheduled else None


def _running_at(pod: dict[str, Any], operator: K8sOperator) -> datetime | None:
    """Start of the pod's container with ranks, also when it has ended since."""
    starts = [
        state[kind]["startedAt"]
        for status in own(pod, operator.container_of(pod))
        for state in (status.get("state", {}), status.get("lastState", {}))
        for kind in ("running", "terminated")
        if state.get(kind, {}).get("startedAt")
    ]
    return max(map(instant, starts)) if starts else None


def build(
    *,
    resource: dict[str, Any] | None,
    pods: Sequence[dict[str, Any]],
    operator: K8sOperator,
    expected_pods: int,
    log_lines: Iterable[tuple[datetime, str]],
    application: Application,
    completed_at: datetime | None,
    app_span: tuple[datetime, datetime] | None = None,
) -> Timeline:
    """The timeline of a job that has ended, without its deletion.

    `app_span` are start and end of the application by the operator's own launcher.
    """
    by_launcher = dict(zip(("app_started_at", "app_finished_at"), app_span or (), strict=False))
    created = instant(resource["metadata"]["creationTimestamp"]) if resource else None
    return Timeline.model_validate(
        {
            "created_at": created,
            "completed_at": completed_at,
            **pod_instants(pods, operator=operator, expected=expected_pods),
            **log_instants(log_lines, application),
            **by_launcher,
        }
    )
