"""The instants of a point and the stretches between them, each defined once here.

The record, the statistics, the figure, the report's table and the tables of the docs derive from
it. To add one, add its field: the entry says how to read it from what `study/timeline.py` observes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AwareDatetime

from include.base_model import Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_Entry = TypeVar("_Entry")


class Clock(StrEnum):
    """Owner of the clock of an instant."""

    CLUSTER = "the API server"
    KUBELETS = "the kubelets of the ranks"
    LAUNCHER = "the launcher's node"

    @property
    def resolution(self) -> str:
        """The finest difference: only the launcher's log has finer stamps than a second."""
        return "1 µs" if self is Clock.LAUNCHER else "1 s, cut off"

    @property
    def step_s(self) -> float:
        """The resolution in seconds."""
        return 1e-6 if self is Clock.LAUNCHER else 1.0


@dataclass(frozen=True, kw_only=True)
class Instant:
    """Source of an instant."""

    source: str
    # From a `study.timeline.ObservedJob`; None: known only once the job is deleted.
    read: Callable[[Any], datetime | None] | None
    clock: Clock = Clock.CLUSTER
    otherwise: str = ""  # the instant in its place for jobs that have none


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A difference of two instants, in seconds."""

    begins: str
    ends: str
    title: str  # title on axes and in table heads
    meaning: str
    colour: str = ""  # bar colour; dark and light alternate to differ in greyscale
    ink: str = "black"  # readable on that colour
    is_part: bool = True  # part of the stacked bar; False for totals

    @property
    def step_s(self) -> float:
        """The coarser resolution of its two instants, in seconds."""
        return max(INSTANTS[name].clock.step_s for name in (self.begins, self.ends))

    def seconds(self, timeline: Timeline) -> float | None:
        """The difference; None where one of the two instants is unknown."""
        first, last = getattr(timeline, self.begins), getattr(timeline, self.ends)
        if first is None and (otherwise := INSTANTS[self.begins].otherwise):
            first = getattr(timeline, otherwise)
        return (last - first).total_seconds() if first and last else None


class Timeline(Model):
    """Instants of one point, UTC."""

    created_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="API server, `creationTimestamp` of the resource",
            read=lambda job: job.created(),
        ),
    ] = None
    admitted_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="Kueue, condition `Admitted` of the job's Workload; `created_at` without a "
            "queue",
            read=lambda job: job.admitted_at,
            otherwise="created_at",
        ),
    ] = None
    pods_created_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="API server, `creationTimestamp` of the last pod that carries ranks",
            read=lambda job: job.pods.created(),
        ),
    ] = None
    pods_scheduled_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="scheduler through the API server, condition `PodScheduled` of the last such "
            "pod",
            read=lambda job: job.pods.condition("PodScheduled"),
        ),
    ] = None
    pods_running_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="kubelet, `startedAt` of the last container that carries ranks",
            read=lambda job: job.pods.running(),
            clock=Clock.KUBELETS,
        ),
    ] = None
    launcher_started_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="kubelet's stamp of the launcher log's first line",
            read=lambda job: job.first_line(),
            clock=Clock.LAUNCHER,
        ),
    ] = None
    app_started_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="kubelet's stamp of the application's first line",
            read=lambda job: job.app_started(),
            clock=Clock.LAUNCHER,
        ),
    ] = None
    app_finished_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="kubelet's stamp of the application's last line",
            read=lambda job: job.app_finished(),
            clock=Clock.LAUNCHER,
        ),
    ] = None
    launcher_finished_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="kubelet's stamp of the launcher log's last line",
            read=lambda job: job.last_line(),
            clock=Clock.LAUNCHER,
        ),
    ] = None
    completed_at: Annotated[
        AwareDatetime | None,
        Instant(
            source="the resource's terminal condition: MPIJob `Succeeded`, Job "
            "`SuccessCriteriaMet`, of a MiniCluster its Job `Complete`",
            read=lambda job: job.completed_at,
        ),
    ] = None
    delete_requested_at: Annotated[
        AwareDatetime | None,
        Instant(source="API server, `Date` of the answer to the deletion", read=None),
    ] = None
    deleted_at: Annotated[
        AwareDatetime | None,
        Instant(source="API server, `Date` of the first list without any pod", read=None),
    ] = None


class Durations(Model):
    """Seconds between two instants of a point, in chronological order."""

    queue_s: Annotated[
        float | None,
        Stretch(
            begins="created_at",
            ends="admitted_at",
            title="queue",
            meaning="resource created → admitted by a queue",
            colour="#d9a441",
        ),
    ] = None
    create_pods_s: Annotated[
        float | None,
        Stretch(
            begins="admitted_at",
            ends="pods_created_at",
            title="create pods",
            meaning="resource created or admitted → last rank-carrying pod created",
            colour="#0b3c5d",
            ink="white",
        ),
    ] = None
    schedule_s: Annotated[
        float | None,
        Stretch(
            begins="pods_created_at",
            ends="pods_scheduled_at",
            title="schedule",
            meaning="→ last of these pods bound to a node",
            colour="#9cc3e0",
        ),
    ] = None
    start_pods_s: Annotated[
        float | None,
        Stretch(
            begins="pods_scheduled_at",
            ends="pods_running_at",
            title="start pods",
            meaning="→ last of their containers running",
            colour="#3f7cac",
            ink="white",
        ),
    ] = None
    bootstrap_s: Annotated[
        float | None,
        Stretch(
            begins="pods_running_at",
            ends="app_started_at",
            title="bootstrap",
            meaning="→ first line of the application",
            colour="#cfe3f2",
        ),
    ] = None
    app_s: Annotated[
        float | None,
        Stretch(
            begins="app_started_at",
            ends="app_finished_at",
            title="application",
            meaning="→ last line of the application",
            colour="#8a9a1b",
        ),
    ] = None
    shutdown_s: Annotated[
        float | None,
        Stretch(
            begins="app_finished_at",
            ends="launcher_finished_at",
            title="shut down",
            meaning="→ last line of the launcher",
            colour="#e3e8bd",
        ),
    ] = None
    completion_lag_s: Annotated[
        float | None,
        Stretch(
            begins="launcher_finished_at",
            ends="completed_at",
            title="notice completion",
            meaning="→ the resource says that it is complete",
            colour="#6b4c7a",
            ink="white",
        ),
    ] = None
    delete_s: Annotated[
        float | None,
        Stretch(
            begins="delete_requested_at",
            ends="deleted_at",
            title="delete",
            meaning="deletion requested → no pod left",
            colour="#e3dbe8",
        ),
    ] = None
    end_to_end_s: Annotated[
        float | None,
        Stretch(
            begins="created_at",
            ends="completed_at",
            title="end to end",
            meaning="from the creation of the resource to its completion",
            is_part=False,
        ),
    ] = None


def durations(timeline: Timeline) -> dict[str, float | None]:
    """Seconds of each stretch by its name."""
    return {name: stretch.seconds(timeline) for name, stretch in STRETCHES.items()}


def _entries(model: type[Model], kind: type[_Entry]) -> dict[str, _Entry]:
    """The entry of each field of a model; a field without one is an error at import."""
    entries = {
        name: entry
        for name, field in model.model_fields.items()
        for entry in field.metadata
        if isinstance(entry, kind)
    }
    if missing := set(model.model_fields) - set(entries):
        raise TypeError(f"{model.__name__}: no {kind.__name__} of {', '.join(sorted(missing))}")
    return entries


INSTANTS = _entries(Timeline, Instant)
AT_DELETION = tuple(name for name, entry in INSTANTS.items() if entry.read is None)
STRETCHES = _entries(Durations, Stretch)
PHASES = {name: stretch for name, stretch in STRETCHES.items() if stretch.is_part}
