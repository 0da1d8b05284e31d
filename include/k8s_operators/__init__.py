"""Kubernetes operators: how each runs an MPI job, and how its state is read."""

from __future__ import annotations

import copy
import sys
from abc import abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from include import adapters
from include.adapters import OptionsT
from include.errors import StudyError
from include.k8s_operators import _kueue
from include.kube import controller_versions, sidecars
from include.models.arm_options import ARM_OPTIONS, ArmOptions
from include.models.variants import variants_of
from include.parsers import posix_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import JsonValue

    from include.kube.kinds import Controller, ResourceKind
    from include.models import Binding, MpiImplementation, Placement, Study

LABEL_STUDY = "operator-benchmark/study"
LABEL_POINT = "operator-benchmark/point"
# Read by people who inspect the cluster, and by the player of simulated applications.
LABEL_OPERATOR = "operator-benchmark/operator"
LABEL_NODES = "operator-benchmark/nodes"


class JobPhase(StrEnum):
    """State of a job, in the same words for every operator."""

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
    """One job, in no operator's dialect."""

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
    shared_memory: str | None = None  # size of /dev/shm; None: the runtime's default

    @property
    def ranks(self) -> int:
        """MPI processes of the job."""
        return self.nodes * self.ranks_per_node

    @property
    def pod_labels(self) -> dict[str, str]:
        """The labels of its pods, which opt out of container injection."""
        return self.labels | sidecars.NONE_BY_LABEL

    @property
    def pod_annotations(self) -> dict[str, str]:
        """The annotations of its pods, for the same purpose."""
        return sidecars.NONE_BY_ANNOTATION

    @property
    def variables(self) -> list[dict[str, str]]:
        """The environment as a container's `env`."""
        return [{"name": name, "value": value} for name, value in self.environment.items()]


@dataclass(frozen=True, kw_only=True)
class JobState:
    """The current state of a job, read from its resource."""

    phase: JobPhase
    message: str = ""
    completed_at: datetime | None = None


class K8sOperator(adapters.Adapter[OptionsT]):
    """One way to run an MPI job on Kubernetes. Its module sets `ADAPTER` to an instance."""

    controller: Controller | None  # None: Kubernetes itself is enough
    resource: ResourceKind  # the object whose state is the job's
    longest_pod_suffix: str  # longest ending that a pod's host name adds to the job's name
    launcher_container: str = "launcher"
    launch: Launch = Launch.SSH
    all_pods_end: bool = False  # by themselves; otherwise the operator ends all but the launcher
    has_launcher_pod: bool = False  # a pod without ranks, which runs where launchers may
    needs_core_per_rank: bool = False  # its launcher refuses more ranks on a node than cores
    launcher_image: str | None = None  # image of its own launcher; None: no such launcher
    queued_labels: tuple[str, str] = ("metadata", "labels")  # where the resource names its queue
    factors: tuple[str, ...] = ()  # options for which a study may list several values
    # Patterns of refusals that pass by themselves: a webhook has not seen a new object yet.
    transient_refusals: tuple[str, ...] = ()
    more_kinds: tuple[ResourceKind, ...] = ()  # other labelled objects, in order of deletion

    def variants(self, given: Mapping[str, JsonValue]) -> dict[str, dict[str, JsonValue]]:
        """The options of each variant in a study's options for this operator."""
        return variants_of(given, factors=self.all_factors)

    def variant_options(self, given: Mapping[str, JsonValue]) -> tuple[OptionsT, ...]:
        """This operator's own options in each of these variants."""
        return tuple(self.read_options(options) for options in self.variants(given).values())

    @property
    def all_factors(self) -> tuple[str, ...]:
        """Options for which a study may list several values: its own and the common ones."""
        return (*self.factors, *ARM_OPTIONS)

    def read_options(self, given: Mapping[str, JsonValue]) -> OptionsT:
        """The operator's own options among those given; ValidationError for a wrong one."""
        self.controller_with(given)
        return super().read_options({k: v for k, v in given.items() if k not in ARM_OPTIONS})

    def arm_options(self, given: Mapping[str, JsonValue]) -> ArmOptions:
        """The options common to all operators among those given."""
        return ArmOptions.model_validate({k: v for k, v in given.items() if k in ARM_OPTIONS})

    def controller_with(self, given: Mapping[str, JsonValue]) -> Controller | None:
        """The controller in the version that a variant's options name; None where it has none.

        StudyError for what names no version, and for a version of none.
        """
        wanted = self.arm_options(given).controller
        if self.controller is None and wanted is not None:
            raise StudyError(f"{self.title} has no controller: Kubernetes' own make its jobs")
        return self.controller and controller_versions.of(self.controller, wanted)

    @property
    def kinds(self) -> tuple[ResourceKind, ...]:
        """All kinds of a job's labelled objects, in order of deletion."""
        return tuple(dict.fromkeys((self.resource, self.state_resource, *self.more_kinds)))

    @property
    def state_resource(self) -> ResourceKind:
        """Kind of the object, named like the resource, whose conditions give the job's state."""
        return self.resource

    def launcher_image_with(self, options: OptionsT) -> str | None:  # noqa: ARG002
        """The image of its launcher under these options, where the cluster has none of its own."""
        return self.launcher_image

    @abstractmethod
    def objects(self, job: JobSpec, options: OptionsT) -> tuple[dict[str, Any], ...]:
        """The Kubernetes objects of a job in order of creation, the resource itself last."""

    @abstractmethod
    def state(self, resource: dict[str, Any]) -> JobState:
        """The state of a job, from its object of the kind `state_resource`."""

    @abstractmethod
    def carries_ranks(self, pod: dict[str, Any]) -> bool:
        """True if MPI ranks run in this pod of the job."""

    @abstractmethod
    def launches(self, pod: dict[str, Any]) -> bool:
        """True if this pod of the job starts the application and has its log."""

    def launcher_container_of(self, pod: dict[str, Any]) -> str:  # noqa: ARG002
        """The container of a launcher pod that holds the application's log."""
        return self.launcher_container

    def container_of(self, pod: dict[str, Any]) -> str:
        """The container of a pod that launches or runs ranks; the others are injected."""
        return self.launcher_container_of(pod)

    def binding(self, declared: Binding, options: OptionsT) -> Binding | None:  # noqa: ARG002
        """The binding that ranks get; None when options replace it in their own terms.

        StudyError for a declared binding that this operator cannot provide.
        """
        return declared

    def dependents(self, name: str) -> tuple[tuple[ResourceKind, str], ...]:  # noqa: ARG002
        """Objects without our labels that must be gone before the resource's name is reused."""
        return ()

    def workarounds(self, job: JobSpec) -> str:  # noqa: ARG002
        """Additions to a job beyond its operator's own means, for its record; empty for none."""
        return ""

    def without_secrets(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A copy of one of its objects that is safe to store."""
        shown = copy.deepcopy(obj)
        for part in ("data", "stringData"):
            if shown["kind"] == "Secret" and part in shown:
                shown[part] = dict.fromkeys(shown[part], "(not stored)")
        return shown

    def confirm_success(self, lines: Iterable[str]) -> None:
        """Raise JobFailed when the log of an apparently successful job shows a failure."""
        del lines

    def app_span(
        self,
        lines: Iterable[tuple[datetime, str]],  # noqa: ARG002
        *,
        time_scale: float = 1.0,  # noqa: ARG002
    ) -> tuple[datetime, datetime] | None:
        """Start and end of the ranks' job by its own launcher, from the timestamps in its log.

        None: use the application's own first and last line. `time_scale` is the share of the
        reported seconds that passes between timestamps on simulated nodes.
        """
        return None

    def launcher_version(self, lines: Iterable[str]) -> str | None:  # noqa: ARG002
        """The versions of its own launcher and related software, from its log."""
        return None

    def complaint(self, lines: Iterable[str]) -> str | None:
        """The reason of a failure in its own launcher's log, with its source."""
        del lines
        return None

    def launcher_time_s(self, lines: Iterable[str]) -> float:
        """Seconds that the launch command took, from its log; ParseError when missing.

        That is `real` of `time -p`, under which the common launch script runs the command.
        """
        return posix_time.parse(lines).real_s

    def broker_time_s(self, lines: Iterable[str]) -> float | None:  # noqa: ARG002
        """Seconds from broker start to end, for operators that start one; otherwise None."""
        return None

    def job_events(self, lines: Iterable[str]) -> dict[str, JsonValue] | None:  # noqa: ARG002
        """Events of a successful job from the operator's own launcher; otherwise None."""
        return None


def available() -> tuple[str, ...]:
    """Names of all operators."""
    return adapters.available(sys.modules[__name__])


def load(name: str) -> K8sOperator:
    """The operator of that name; StudyError listing the valid ones otherwise."""
    operator: K8sOperator = adapters.load(sys.modules[__name__], name)
    return operator


def controllers(names: Iterable[str]) -> tuple[Controller, ...]:
    """Controllers of these operators, each once and after those it needs."""
    given = (load(name).controller for name in names)
    return tuple(dict.fromkeys(c for each in given if each is not None for c in each.in_order))


def known_controllers() -> tuple[Controller, ...]:
    """Every controller that a study may need: those of all operators, and the queue's."""
    return (*controllers(available()), _kueue.CONTROLLER)


def arms(study: Study) -> tuple[tuple[str, str], ...]:
    """The arms of a study: each operator with each of its variants, in the study's order."""
    return tuple(
        (name, variant)
        for name in study.operators
        for variant in load(name).variants(study.options_of(name))
    )


def images(study: Study) -> tuple[str, ...]:
    """Images that a study names for its application: its own, and those of its variants."""
    named = [study.image]
    for name, variant in arms(study):
        operator, given = load(name), study.options_of(name)
        named.append(operator.arm_options(operator.variants(given)[variant]).image)
    return tuple(dict.fromkeys(each for each in named if each))
