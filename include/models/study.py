"""A study: what is run, where, how often and for how much."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from include.base_model import Model, Positive
from include.models.pod_resources import PodResources

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
StudyName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$")]


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
    environment: dict[EnvironmentName, str] = {}  # of every rank, alike under every operator
    # A Docker configuration file, or a Secret that is in the namespace already; None: no login.
    image_pull_secret: Annotated[str, StringConstraints(min_length=1)] | None = None
    point_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    max_usd: Annotated[float, Field(ge=0)] | None = None
    ttl_hours: Annotated[float, Field(gt=0, le=72)] = 4.0
    ask_approval: bool = False
    results: str | None = None  # None: RESULTS of the installation (a file or object-store address)


class StudyOrigin(Model):
    """The Airflow run that a study belongs to: who may read the run may read the study."""

    dag_id: str
    run_id: str
    planned_at: AwareDatetime
