"""A study: what is run, where, how often and at what cost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from include.base_model import Model
from include.models.arm_options import EnvironmentName
from include.models.choices import (
    Binding,
    Design,
    MpiImplementation,
    NodeChoice,
    NodeOrder,
    Queue,
    Section,
    StopBy,
)
from include.models.pod_resources import PodResources

LONGEST_POINT_S = 7200  # slightly below the time limit of a point's task
NodeCount = Annotated[int, Field(ge=1, le=1000)]
StudyName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$")]


def _field(section: Section, title: str, text: str, *, default: Any, **bounds: Any) -> Any:
    """A field of a study: default and bounds, and its place and words in the trigger form."""
    return Field(
        default,
        title=title,
        description=text,
        json_schema_extra={"section": section.value},
        **bounds,
    )


class Study(Model):
    """One study: what is run, where, how often and at what cost. These are the DAG's params.

    Everything about a field is here: default, bounds, and its title and help in the trigger
    form, which has the fields in this order.
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
        "The operators to compare, in this order. Each takes about the same time and money.",
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
        "option_flags, launcher_creation_policy, image or environment gives a cell for each "
        "value, so it takes longer.",
        default={},
    )
    queue: tuple[Queue, ...] = _field(
        Section.WHAT,
        "Queue",
        "What admits a job before its pods are made. kueue: a queue with room for the largest. "
        "Both: each operator runs without and with it, so it takes twice as long.",
        default=(Queue.NONE,),
        min_length=1,
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
        "The MPI library in the image. Left unchanged: the one that the application is built "
        "for, such as openmpi for hpcc and netpipe.",
        default=MpiImplementation.MPICH,
    )
    binding: Binding = _field(
        Section.WHAT,
        "Binding of ranks",
        "What each MPI process is bound to, the same under every operator.",
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
        'Variables as JSON, the same under every operator, such as {"OMP_NUM_THREADS": "1"}. On '
        "eks with EFA those that make MPI use it are set already; values given here override them.",
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
        "the size of the cluster, and determines its price.",
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
        "Measured runs for each operator and node count; time and cost grow with them. Three show "
        "that it works; a verdict needs at least six, better twenty.",
        default=3,
        ge=1,
        le=100,
    )
    repeats_min: int | None = _field(
        Section.HOW_OFTEN,
        "Least repeats (runs)",
        "With a number here, at least 6, the study looks at its results from then on, and ends a "
        "node count as soon as its answer is known; the repeats above are then the maximum. Empty: "
        "all repeats.",
        default=None,
        ge=6,
        le=100,
    )
    stop_by: StopBy = _field(
        Section.HOW_OFTEN,
        "What ends a node count early",
        "difference: that of interleaved operators, once it is known. spread: that of the first "
        "repeats, which determines how many are enough; for nightly studies.",
        default=StopBy.DIFFERENCE,
    )
    least_effect_percent: float = _field(
        Section.HOW_OFTEN,
        "Least effect (%)",
        "Smaller differences do not matter: a study may also end early when it shows that.",
        default=1.5,
        gt=0,
        le=100,
    )
    precision_percent: float | None = _field(
        Section.HOW_OFTEN,
        "Precision (%)",
        "A node count also ends early when its difference is known this precisely, plus or minus. "
        "One operator alone, or the order swap, ends early only by this. Empty: not used.",
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
        "turns in random blocks, so that a drift of the cluster affects all of them.",
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
        "Nodes that are kept in addition when nodes are given back, to replace lost ones.",
        default=0,
        ge=0,
        le=1000,
    )
    placement: NodeChoice | None = _field(
        Section.HOW_OFTEN,
        "Choice of nodes",
        "paired: the operators of a block run on the same nodes, drawn by the seed. free: the "
        "scheduler chooses. By the order: paired if interleaved, otherwise free.",
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
        "Waits after the plan until somebody has read the estimate and approves. Nothing is "
        "created, and nothing costs money, before that.",
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
        "After this time the cluster may be removed, even while something is running. Give more "
        "than the whole study takes.",
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

    def options_of(self, k8s_operator: str) -> dict[str, JsonValue]:
        """An operator's options, with the factors that the study has for all of them."""
        given = self.operator_options.get(k8s_operator, {})
        queue: dict[str, JsonValue] = {"queue": {each.value: each.value for each in self.queue}}
        return given if self.queue == (Queue.NONE,) else queue | given


class StudyOrigin(Model):
    """The Airflow run of a study: whoever may read the run may read the study."""

    dag_id: str
    run_id: str
    planned_at: AwareDatetime
