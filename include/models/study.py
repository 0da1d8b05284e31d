"""A study: what is run, where, how often and for how much."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from include.base_model import Model
from include.models.choices import Binding, Design, MpiImplementation, NodeChoice, NodeOrder
from include.models.pod_resources import PodResources

LONGEST_POINT_S = 7200  # the task that runs a point has a time limit a little above this
NodeCount = Annotated[int, Field(ge=1, le=1000)]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
StudyName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$")]


class Section(StrEnum):
    """Parts of the trigger form, in its order."""

    WHAT = "What to run"
    WHERE = "Where to run it"
    HOW_OFTEN = "How often, and in which order"
    BUDGET = "Budget, limits and results"


def _field(section: Section, title: str, text: str, *, default: Any, **bounds: Any) -> Any:
    """A field of a study: its default and bounds, its place and its words in the trigger form."""
    return Field(
        default,
        title=title,
        description=text,
        json_schema_extra={"section": section.value},
        **bounds,
    )


class Study(Model):
    """One study: what is run, where, how often and for how much. These are the DAG's params.

    Everything about a field is here: default, bounds, and its title and help in the trigger form.
    The form has the fields in this order.
    """

    name: StudyName = _field(
        Section.WHAT,
        "Name",
        "A short name of lower-case letters, digits and -. A code is added to tell runs apart.",
        default="demo",
    )
    operators: tuple[str, ...] = _field(
        Section.WHAT,
        "Kubernetes operators",
        "What to compare, in this order. Each one more takes as much time and money as the first.",
        default=("mpi_operator", "indexed_job"),
        min_length=1,
    )
    application: str = _field(
        Section.WHAT,
        "Application",
        "The MPI program that is measured.",
        default="lammps",
    )
    application_options: dict[str, JsonValue] = _field(
        Section.WHAT,
        "Application options",
        'As JSON. lammps: {"x": 1, "y": 1, "z": 1} is 304 atoms and takes about a second, {"x": '
        '64, "y": 16, "z": 16} is the problem of run 6.',
        default={},
    )
    operator_options: dict[str, dict[str, JsonValue]] = _field(
        Section.WHAT,
        "Operator options",
        'By operator, as JSON, for example {"flux_operator": {"option_flags": "-c 1"}}. A list of '
        "option_flags or launcher_creation_policy gives a cell for each value, so it takes "
        "longer.",
        default={},
    )
    image: str | None = _field(
        Section.WHAT,
        "Image",
        "The application's container image, best by digest. Empty: the cluster's own.",
        default=None,
    )
    mpi_implementation: MpiImplementation = _field(
        Section.WHAT,
        "MPI library",
        "The MPI library that the image carries.",
        default=MpiImplementation.MPICH,
    )
    binding: Binding = _field(
        Section.WHAT,
        "Binding of ranks",
        "What an MPI process is bound to, alike under every operator.",
        default=Binding.NONE,
    )
    cluster: str = _field(
        Section.WHERE,
        "Cluster",
        "local: real nodes on this machine, needs root, free. simulated: nodes that only seem to "
        "run, free, its logs are SYNTHETIC. existing: one of yours, by its kubeconfig. eks: on "
        "AWS, made for the study and removed at the end; the 65 nodes of run 6 cost $187 an hour.",
        default="local",
    )
    cluster_options: dict[str, JsonValue] = _field(
        Section.WHERE,
        "Cluster options",
        'As JSON. local and simulated: {"nodes": 2}. existing: {"kubeconfig": "/path", "context": '
        '"name"}. An option that the cluster does not know is refused by the task plan.',
        default={},
    )
    pod_resources: PodResources = _field(
        Section.WHERE,
        "Resources of a pod",
        "CPU, memory and devices of each pod that carries ranks, as Kubernetes writes them. One "
        "such pod runs on each node.",
        default={"cpu": "500m", "memory": "512Mi"},
    )
    environment: dict[EnvironmentName, str] = _field(
        Section.WHERE,
        "Environment of the ranks",
        'Variables as JSON, alike under every operator, for example {"OMP_NUM_THREADS": "1"}. On '
        "eks with EFA those that make MPI use it are set already, and what is given here wins.",
        default={},
    )
    image_pull_secret: str | None = _field(
        Section.WHERE,
        "Login to the registry",
        "Path of a Docker configuration on the machine that runs the tasks, or the name of a "
        "Secret in the namespace of an existing cluster. Empty: the registry needs no login.",
        default=None,
        min_length=1,
    )
    nodes: tuple[NodeCount, ...] = _field(
        Section.HOW_OFTEN,
        "Node counts",
        "Each operator runs the application on each of these numbers of nodes. The largest one is "
        "the size of the cluster, and so makes its price.",
        default=(1, 2),
        min_length=1,
    )
    ranks_per_node: int = _field(
        Section.HOW_OFTEN,
        "Ranks per node",
        "MPI processes on each node.",
        default=1,
        ge=1,
        le=1024,
    )
    repeats: int = _field(
        Section.HOW_OFTEN,
        "Repeats (runs)",
        "Measured runs for each operator and node count: time and cost grow with it. Three show "
        "that it works; a verdict needs at least six, better twenty.",
        default=3,
        ge=1,
        le=100,
    )
    repeats_min: int | None = _field(
        Section.HOW_OFTEN,
        "Least repeats (runs)",
        "With a number here, at least 6, the study looks at its results from then on, and ends a "
        "node count as soon as its answer is known; the repeats above are then the most. Empty: "
        "all.",
        default=None,
        ge=6,
        le=100,
    )
    least_effect_percent: float = _field(
        Section.HOW_OFTEN,
        "Least effect (%)",
        "Smaller differences do not matter: a study that shows so may end early, too.",
        default=1.5,
        gt=0,
        le=100,
    )
    precision_percent: float | None = _field(
        Section.HOW_OFTEN,
        "Precision (%)",
        "A node count also ends early when its difference is known to plus or minus so much. One "
        "operator alone, or the order swap, ends early by this only. Empty: not asked for.",
        default=None,
        gt=0,
        le=100,
    )
    warmups: int = _field(
        Section.HOW_OFTEN,
        "Warm-ups (runs)",
        "Runs before the first measured one. They take time and do not count in statistics.",
        default=1,
        ge=0,
        le=10,
    )
    design: Design = _field(
        Section.HOW_OFTEN,
        "Order",
        "swap: one operator after the other, as in run 6. interleaved: all are installed and take "
        "turns in random blocks, so that a drift of the cluster hits all alike.",
        default=Design.SWAP,
    )
    node_order: NodeOrder = _field(
        Section.HOW_OFTEN,
        "Order of node counts",
        "shuffled: mixed over the whole study. descending: the largest first, so that a cluster "
        "can give nodes back; size and time are then confounded. Only with the order interleaved.",
        default=NodeOrder.SHUFFLED,
    )
    spare_nodes: int = _field(
        Section.HOW_OFTEN,
        "Spare nodes",
        "How many nodes more than needed are kept when nodes are given back, for lost ones.",
        default=0,
        ge=0,
        le=1000,
    )
    placement: NodeChoice | None = _field(
        Section.HOW_OFTEN,
        "Choice of nodes",
        "paired: the operators of a block run on the same nodes, drawn by the seed. free: the "
        "scheduler chooses. By the order: paired when interleaved, else free.",
        default=None,
    )
    seed: int = _field(
        Section.HOW_OFTEN,
        "Seed",
        "The same seed gives the same order.",
        default=1,
        ge=0,
        le=2**31 - 1,
    )
    ask_approval: bool = _field(
        Section.BUDGET,
        "Ask before starting",
        "Waits after the plan until somebody has read what it comes to, and approves. Nothing is "
        "created and nothing costs before that.",
        default=False,
    )
    max_usd: float | None = _field(
        Section.BUDGET,
        "Most to spend (USD)",
        "A study that is estimated to cost more is refused before anything is created. Empty: no "
        "limit.",
        default=None,
        ge=0,
        le=100_000,
    )
    point_timeout_s: float = _field(
        Section.BUDGET,
        "Time limit of a run (s)",
        "A run that takes longer is stopped, counts as failed, and the study goes on.",
        default=600.0,
        gt=0,
        le=LONGEST_POINT_S,
    )
    ttl_hours: float = _field(
        Section.BUDGET,
        "Cluster's time to live (h)",
        "After this time the cluster may be removed, whatever is running. Give more than the "
        "whole study takes.",
        default=4.0,
        gt=0,
        le=72,
    )
    results: str | None = _field(
        Section.BUDGET,
        "Results location",
        "A folder, or s3://connection@bucket/prefix. Empty: the installation's own.",
        default=None,
    )


class StudyOrigin(Model):
    """The Airflow run that a study belongs to: who may read the run may read the study."""

    dag_id: str
    run_id: str
    planned_at: AwareDatetime
