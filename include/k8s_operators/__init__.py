"""Kubernetes operators: how each one is told to run an MPI job, and how its state is read."""

from __future__ import annotations

import copy
import sys
from abc import abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.models.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import JsonValue

    from include.kube.kinds import Controller, ResourceKind
    from include.models import Binding, MpiImplementation, Placement, Study

LABEL_STUDY = "operator-benchmark/study"
LABEL_POINT = "operator-benchmark/point"
# For people who look at the cluster, and for the player of simulated applications.
LABEL_OPERATOR = "operator-benchmark/operator"
LABEL_NODES = "operator-benchmark/nodes"


class JobPhase(StrEnum):
    """State of a job, the same words for every operator."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Launch(StrEnum):
    """Ways to start the ranks of a job; they decide the launcher's log format and overhead."""

    SSH = "ssh"  # mpiexec or mpirun, timed by the shell
    FLUX = "flux"  # the brokers of a Flux instance


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """One job, before any operator's dialect."""

    name: str
    namespace: str
    labels: dict[str, str]
    image: str
    image_pull_policy: str
    launcher_image: str | None = None  # the cluster's own, see `K8sOperator.launcher_image`
    nodes: int
    ranks_per_node: int
    command: tuple[str, ...]
    work_dir: str
    mpi_implementation: MpiImplementation
    binding: Binding
    pod_resources: dict[str, str]
    launcher: Placement
    worker: Placement
    timeout_s: float
    node_names: tuple[str, ...] = ()  # nodes of the ranks by worker index; empty: any
    environment: Mapping[str, str] = field(default_factory=dict)  # environment of every rank
    image_pull_secret: str | None = None
    shared_memory: str | None = None  # most that /dev/shm holds; None: what the runtime gives

    @property
    def ranks(self) -> int:
        """MPI processes of the job."""
        return self.nodes * self.ranks_per_node

    @property
    def variables(self) -> list[dict[str, str]]:
        """The environment as a container's `env`."""
        return [{"name": name, "value": value} for name, value in self.environment.items()]


@dataclass(frozen=True, kw_only=True)
class JobState:
    """The current state of a job by its resource."""

    phase: JobPhase
    message: str = ""
    completed_at: datetime | None = None


class K8sOperator(adapters.Adapter[OptionsT]):
    """One way to run an MPI job on Kubernetes. Its module sets `ADAPTER` to an instance."""

    controller: Controller | None  # None: Kubernetes itself is enough
    resource: ResourceKind  # the object whose state is the job's
    longest_pod_suffix: str  # longest ending that a pod's host name gets behind the job's name
    launcher_container: str = "launcher"
    launch: Launch = Launch.SSH
    all_pods_end: bool = False  # each by itself; else the operator ends those that do not launch
    needs_core_per_rank: bool = False  # its launcher places no more ranks on a node than cores
    launcher_image: str | None = None  # image of a launcher of its own; None: none
    factors: tuple[str, ...] = ()  # options of which a study may list several values

    def variants(self, given: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
        """The options of each variant that a study's options for this operator come to."""
        return variants_of(given, factors=self.factors)

    @property
    def state_resource(self) -> ResourceKind:
        """The kind of the object, named like the resource, whose conditions are the job's state."""
        return self.resource

    @abstractmethod
    def objects(self, job: JobSpec, options: OptionsT) -> tuple[dict[str, Any], ...]:
        """The Kubernetes objects of a job in order of creation, the resource itself last."""

    @abstractmethod
    def state(self, resource: dict[str, Any]) -> JobState:
        """The state of a job by its object of the kind `state_resource`."""

    @abstractmethod
    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True if MPI ranks run in this pod of the job."""

    @abstractmethod
    def launches(self, pod: dict[str, Any]) -> bool:
        """True if this pod of the job starts the application and has its log."""

    def launcher_container_of(self, pod: dict[str, Any]) -> str:  # noqa: ARG002
        """The container of a launching pod that has the application's log."""
        return self.launcher_container

    def container_of(self, pod: dict[str, Any]) -> str:
        """The container of a pod that launches or has the ranks; others in it are injected."""
        return self.launcher_container_of(pod)

    def binding(self, declared: Binding, options: OptionsT) -> Binding | None:  # noqa: ARG002
        """The binding that ranks get; None when options take its place and say it their own way.

        StudyError for a declared binding that this operator has no means for.
        """
        return declared

    def dependents(self, name: str) -> tuple[tuple[ResourceKind, str], ...]:  # noqa: ARG002
        """Objects without our labels that must be gone before a resource's name is used again."""
        return ()

    def without_secrets(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A copy of one of its objects that may be stored."""
        shown = copy.deepcopy(obj)
        for part in ("data", "stringData"):
            if shown["kind"] == "Secret" and part in shown:
                shown[part] = dict.fromkeys(shown[part], "(not stored)")
        return shown

    def confirm_success(self, lines: Iterable[str]) -> None:
        """Raise JobFailed when the log of a job that says success tells of a failure."""
        del lines

    def app_span(
        self,
        lines: Iterable[tuple[datetime, str]],  # noqa: ARG002
    ) -> tuple[datetime, datetime] | None:
        """When the ranks' job began and ended by its own launcher, from its log with its stamps.

        None: the application's own first and last line tell it.
        """
        return None

    def launcher_version(self, lines: Iterable[str]) -> str | None:  # noqa: ARG002
        """The version of its own launcher, and of what that works with, from its log."""
        return None

    def complaint(self, lines: Iterable[str]) -> str | None:
        """The reason of a failure as its own launcher's log tells it, with who says it."""
        del lines
        return None

    @abstractmethod
    def launcher_time_s(self, lines: Iterable[str]) -> float:
        """Seconds that the launch command took, from its log; ParseError when it is not there."""

    def broker_time_s(self, lines: Iterable[str]) -> float | None:  # noqa: ARG002
        """Seconds from broker start to end, for operators that start one; else None."""
        return None

    def job_events(self, lines: Iterable[str]) -> dict[str, JsonValue] | None:  # noqa: ARG002
        """Events that the operator's own launcher reports of a good job; else None."""
        return None


def available() -> tuple[str, ...]:
    """Names of all operators."""
    return adapters.available(sys.modules[__name__])


def load(name: str) -> K8sOperator:
    """The operator of that name; StudyError listing the valid ones otherwise."""
    operator: K8sOperator = adapters.load(sys.modules[__name__], name)
    return operator


def arms(study: Study) -> tuple[tuple[str, str], ...]:
    """The arms of a study: each operator with each of its variants, in the study's order."""
    return tuple(
        (name, variant)
        for name in study.operators
        for variant in load(name).variants(study.operator_options.get(name, {}))
    )
