"""Every typed record that crosses a file, an XCom or a parameter."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from include.pod_resources import PodResources
from include.variants import PATTERN, arm_name


class Model(BaseModel):
    """Base of all records: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values, fit for XCom."""
        return self.model_dump(mode="json")


class Status(StrEnum):
    """What became of a point: only `valid` counts in statistics."""

    VALID = "valid"
    FAILED = "failed"  # the job did not end well
    INVALID = "invalid"  # the job ended well, its result cannot be trusted


class Design(StrEnum):
    """Order of the operators: one after the other, or randomised blocks with all installed."""

    SWAP = "swap"
    INTERLEAVED = "interleaved"


class NodeChoice(StrEnum):
    """Who chooses the nodes of a point."""

    PAIRED = "paired"  # the plan, by seed: the operators of a block run on the same nodes
    FREE = "free"  # the scheduler


class Binding(StrEnum):
    """What an MPI rank is bound to; applied alike under every operator."""

    NONE = "none"
    CORE = "core"
    NUMA = "numa"


class MpiImplementation(StrEnum):
    """The MPI library that the image carries."""

    MPICH = "mpich"
    OPENMPI = "openmpi"


DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
StudyName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$")]
Variant = Annotated[str, StringConstraints(pattern=rf"^({PATTERN})?$")]
Positive = Annotated[int, Field(ge=1)]


class Study(Model):
    """One study: what is run, where, how often and for how much. These are the DAG's params."""

    name: StudyName = "demo"
    cluster: str = "local"
    cluster_options: dict[str, JsonValue] = {}
    operators: Annotated[tuple[str, ...], Field(min_length=1)] = ("mpi_operator", "indexed_job")
    operator_options: dict[str, dict[str, JsonValue]] = {}
    application: str = "lammps"
    application_options: dict[str, JsonValue] = {}
    image: str | None = None  # None: the cluster's own image of the application
    mpi_implementation: MpiImplementation = MpiImplementation.MPICH
    nodes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2)
    ranks_per_node: Positive = 1
    repeats: Positive = 3
    warmups: Annotated[int, Field(ge=0)] = 1
    design: Design = Design.SWAP
    placement: NodeChoice | None = None  # None: paired when interleaved, else free
    seed: Annotated[int, Field(ge=0)] = 1
    binding: Binding = Binding.NONE
    pod_resources: PodResources = {"cpu": "500m", "memory": "512Mi"}
    point_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    max_usd: Annotated[float, Field(ge=0)] | None = None
    ttl_hours: Annotated[float, Field(gt=0, le=72)] = 4.0
    ask_approval: bool = False
    results: str | None = None  # None: RESULTS of the installation (a file or object-store address)


class Point(Model):
    """One run of one application on one operator at one node count."""

    point_id: DnsLabel  # also the name of the resource
    study_id: DnsLabel
    k8s_operator: str
    variant: Variant = ""  # which of the option values that the study lists; empty: there is one
    nodes: Positive
    ranks_per_node: Positive
    repeat: Positive  # counts from 1, warm-ups apart
    is_warmup: bool
    phase: Positive
    block: Positive  # points of one block share the node count and are compared with each other
    order_index: Positive  # planned place in the whole study, from 1
    points_in_study: Positive
    workers: tuple[int, ...] = ()  # indexes of its nodes among the cluster's; none: any nodes

    @property
    def ranks(self) -> int:
        """MPI processes of the run."""
        return self.nodes * self.ranks_per_node

    @property
    def arm(self) -> str:
        """What is compared with others: the operator, with its variant where there is one."""
        return arm_name(self.k8s_operator, self.variant)

    def __str__(self) -> str:
        kind = "warm-up" if self.is_warmup else "repeat"
        plural = "s" if self.nodes > 1 else ""
        return f"{self.arm} {self.nodes} node{plural} {kind} {self.repeat}"


class Phase(Model):
    """Operators that are installed together, and the points that run meanwhile."""

    phase: Positive
    operators: tuple[str, ...]
    points: tuple[Point, ...]


class Plan(Model):
    """A study and the ordered points that it comes to."""

    study_id: DnsLabel
    study: Study
    phases: tuple[Phase, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """All points in the planned order."""
        return tuple(point for phase in self.phases for point in phase.points)


class Placement(Model):
    """Where a kind of pod may run."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, JsonValue], ...] = ()


class StudyOrigin(Model):
    """The Airflow run that a study belongs to: who may read the run may read the study."""

    dag_id: str
    run_id: str
    planned_at: AwareDatetime


class Reservation(Model):
    """The names a cluster will go by, fixed before anything is created."""

    study_id: DnsLabel
    cluster: str  # name of the cluster adapter
    namespace: DnsLabel  # where the jobs run
    nodes: Positive  # nodes that can carry ranks
    expires_at: AwareDatetime
    options: dict[str, JsonValue] = {}


class ClusterHandle(Reservation):
    """A cluster that exists: all that a worker needs to use it, and no secret."""

    kubernetes_version: str
    instance_type: str | None
    image: str
    image_digest: str | None  # None when the registry's digest is known only from the pods
    image_pull_policy: str
    launcher: Placement = Placement()
    worker: Placement = Placement()
    worker_nodes: tuple[str, ...] = ()  # host names of the nodes that workers may use, in order
    simulated: bool = False
    time_scale: float = 1.0  # waiting on simulated nodes, as a share of what was drawn
    notes: tuple[str, ...] = ()  # what a reader of the report must know of this cluster


class Timeline(Model):
    """Instants of one point, UTC. Each field's source is in `docs/architecture.md`."""

    created_at: AwareDatetime | None = None  # API server, whole seconds
    pods_created_at: AwareDatetime | None = None  # API server: the last pod that carries ranks
    pods_scheduled_at: AwareDatetime | None = None  # its PodScheduled condition
    pods_running_at: AwareDatetime | None = None  # kubelet: last start of a rank-carrying container
    launcher_started_at: AwareDatetime | None = None  # stamp of the launcher log's first line
    app_started_at: AwareDatetime | None = None  # stamp of the application's first line
    app_finished_at: AwareDatetime | None = None  # stamp of the application's last line
    launcher_finished_at: AwareDatetime | None = None  # stamp of the launcher log's last line
    completed_at: AwareDatetime | None = None  # the resource's own terminal condition
    deleted_at: AwareDatetime | None = None  # API server's Date when no pod was left
    delete_requested_at: AwareDatetime | None = None  # API server's Date of the delete call


class Record(Model):
    """One row per point, failures included. Durations in seconds, None where not measured.

    Fields that must be given and may be None are None only for runs that another tool recorded
    without saying them; a valid record always has its size.
    """

    KEY: ClassVar[tuple[str, ...]] = ("study_id", "point_id", "attempt")

    study_id: str
    point_id: str
    attempt: Positive = 1
    k8s_operator: str
    variant: Variant = ""  # as in `Point`
    application: str | None
    cluster: str | None
    nodes: Positive | None
    ranks_per_node: Positive | None
    ranks: Positive | None
    repeat: Positive | None
    is_warmup: bool
    phase: Positive | None
    block: Positive | None
    order_index: Positive
    status: Status
    error: str | None = None
    loop_time_s: float | None = None
    app_wall_time_s: float | None = None
    launcher_time_s: float | None = None
    broker_time_s: float | None = None
    timesteps_per_s: float | None = None
    atom_steps_per_s: float | None = None
    cpu_use_percent: float | None = None
    pot_eng: float | None = None
    created_at: datetime | None = None
    pods_created_at: datetime | None = None
    pods_scheduled_at: datetime | None = None
    pods_running_at: datetime | None = None
    launcher_started_at: datetime | None = None
    app_started_at: datetime | None = None
    app_finished_at: datetime | None = None
    launcher_finished_at: datetime | None = None
    completed_at: datetime | None = None
    delete_requested_at: datetime | None = None
    deleted_at: datetime | None = None
    create_pods_s: float | None = None
    schedule_s: float | None = None
    start_pods_s: float | None = None
    bootstrap_s: float | None = None
    app_s: float | None = None
    shutdown_s: float | None = None
    completion_lag_s: float | None = None
    delete_s: float | None = None
    end_to_end_s: float | None = None
    binding: Binding | None
    mpi_implementation: MpiImplementation | None
    image: str | None
    image_digest: str | None = None
    image_pulls: int | None = None  # of its pods' images, while it was timed; None: not known
    operator_version: str | None
    kubernetes_version: str | None
    instance_type: str | None = None
    node_names: tuple[str, ...] = ()
    manifest_sha256: str | None
    log_sha256: str | None = None
    code_version: str
    simulated: bool
    time_scale: float = 1.0  # of instants and phases; the log's own times are not shortened
    order_seed: int | None

    @model_validator(mode="after")
    def _valid_has_its_size(self) -> Self:
        if self.status is Status.VALID and None in (self.nodes, self.ranks):
            raise ValueError("a valid record has its nodes and ranks")
        return self
