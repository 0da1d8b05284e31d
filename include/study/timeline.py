"""The instants of one point, from the API server, the kubelets and the log's timestamps.

The pipeline's own clock is never used. Timestamps of the API server and the kubelets are truncated
to whole seconds; those of log lines are finer. A difference between the two kinds is therefore up
to 1 s too long or too short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.jobs.pod_states import own
from include.kube.conditions import condition, known_instant
from include.models import Timeline
from include.models.timeline import INSTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from include.applications import Application
    from include.k8s_operators import K8sOperator


@dataclass(frozen=True, kw_only=True)
class RankPods:
    """The pods of a job that carry ranks.

    Each instant is that of the last pod; None until all `expected` pods got that far: a job with a
    worker that never started has no such instant.
    """

    pods: Sequence[dict[str, Any]]
    operator: K8sOperator
    expected: int

    def created(self) -> datetime | None:
        """Creation of the pods."""
        return self._last(_created_at)

    def condition(self, kind: str) -> datetime | None:
        """The pods' conditions of that type became true."""
        return self._last(lambda pod: _since(condition(pod, kind) or {}))

    def running(self) -> datetime | None:
        """Start of the pods' containers with ranks, even if they have ended since."""
        return self._last(lambda pod: _running_at(pod, self.operator))

    def _last(self, instant_of: Callable[[dict[str, Any]], datetime | None]) -> datetime | None:
        instants = [at for pod in self.pods if (at := instant_of(pod))]
        return max(instants) if instants and len(instants) >= self.expected else None


@dataclass(frozen=True, kw_only=True)
class ObservedJob:
    """A job that has ended, as the entries of `models/timeline.py` read it."""

    resource: dict[str, Any] | None
    pods: RankPods
    log_lines: Sequence[tuple[datetime, str]]  # of the launcher
    application: Application
    completed_at: datetime | None
    admitted_at: datetime | None = None  # by a queue
    app_span: tuple[datetime, datetime] | None = None  # by the operator's own launcher

    def created(self) -> datetime | None:
        """Creation of the resource."""
        return _created_at(self.resource) if self.resource else None

    def first_line(self, start: str = "") -> datetime | None:
        """Stamp of the first line of the launcher's log, or of the first that starts so."""
        return next((at for at, text in self.log_lines if text.startswith(start)), None)

    def last_line(self, start: str = "") -> datetime | None:
        """Stamp of the last line of the launcher's log, or of the last that starts so."""
        return next((at for at, text in reversed(self.log_lines) if text.startswith(start)), None)

    def app_started(self) -> datetime | None:
        """Start of the application by its launcher, or else its first line."""
        return self.app_span[0] if self.app_span else self.first_line(self.application.first_line)

    def app_finished(self) -> datetime | None:
        """End of the application by its launcher, or else its last line."""
        return self.app_span[1] if self.app_span else self.last_line(self.application.last_line)

    def timeline(self) -> Timeline:
        """All instants but those of the deletion."""
        readers = {name: entry.read for name, entry in INSTANTS.items() if entry.read}
        return Timeline.model_validate({name: read(self) for name, read in readers.items()})


def _created_at(obj: dict[str, Any]) -> datetime | None:
    return known_instant(obj["metadata"].get("creationTimestamp"))


def _since(reached: dict[str, Any]) -> datetime | None:
    return known_instant(reached.get("lastTransitionTime"))


def _running_at(pod: dict[str, Any], operator: K8sOperator) -> datetime | None:
    """Start of the pod's container with ranks, even if it has ended since."""
    starts = [
        state[kind]["startedAt"]
        for status in own(pod, operator.container_of(pod))
        for state in (status.get("state", {}), status.get("lastState", {}))
        for kind in ("running", "terminated")
        if state.get(kind, {}).get("startedAt")
    ]
    return max(filter(None, map(known_instant, starts)), default=None)
