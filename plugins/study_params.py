"""The trigger form: one Airflow Param per field of `include.models.Study`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from include import applications, clusters, k8s_operators
from include.limits import MAXIMUM
from include.models import Binding, Design, MpiImplementation, NodeChoice, Study

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

WHAT = "What to run"
HOW_OFTEN = "How often, in which order"
WHERE = "Where"
BUDGET = "Limits and results"


def study_params() -> dict[str, Param]:
    """The params of a DAG that runs one study; the defaults are the demo study."""
    return {**_what(), **_how_often(), **_where(), **_budget()}


def _param(name: str, *, section: str, title: str, help_text: str, **schema: Any) -> Param:
    default = Study().to_json()[name]
    return Param(default, title=title, description=help_text, section=section, **schema)


def _number(name: str, *, minimum: float = 1, kind: Any = "integer") -> dict[str, Any]:
    return {"type": kind, "minimum": minimum, "maximum": MAXIMUM[name]}


def _choice(names: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _values(choices: type[StrEnum]) -> list[str]:
    return [choice.value for choice in choices]


def _what() -> dict[str, Param]:
    operators = list(k8s_operators.available())
    return {
        "name": _param(
            "name",
            section=WHAT,
            title="Name",
            help_text="A short name of lower-case letters, digits and -; a number is added.",
            type="string",
            pattern=r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$",
        ),
        "operators": _param(
            "operators",
            section=WHAT,
            title="Kubernetes operators",
            help_text="The operators to compare, in the order in which they are run.",
            type="array",
            minItems=1,
            uniqueItems=True,
            examples=operators,  # the form's choices; only `items` validates
            items={"type": "string", "enum": operators},
        ),
        "application": _param(
            "application",
            section=WHAT,
            title="Application",
            help_text="The MPI program that is measured.",
            **_choice(applications.available()),
        ),
        "application_options": _param(
            "application_options",
            section=WHAT,
            title="Application options",
            help_text="Problem size and others, as the application's page lists them.",
            type="object",
        ),
        "operator_options": _param(
            "operator_options",
            section=WHAT,
            title="Operator options",
            help_text="By operator name, as the operator's page lists them. A list of option_flags "
            "or launcher_creation_policy gives a cell for each value.",
            type="object",
        ),
        "image": _param(
            "image",
            section=WHAT,
            title="Image",
            help_text="The application's container image; empty: the cluster's own.",
            type=["null", "string"],
        ),
        "mpi_implementation": _param(
            "mpi_implementation",
            section=WHAT,
            title="MPI library",
            help_text="The MPI library that the image carries.",
            **_choice(_values(MpiImplementation)),
        ),
        "binding": _param(
            "binding",
            section=WHAT,
            title="Binding of ranks",
            help_text="What an MPI process is bound to, alike under every operator.",
            **_choice(_values(Binding)),
        ),
    }


def _how_often() -> dict[str, Param]:
    return {
        "nodes": _param(
            "nodes",
            section=HOW_OFTEN,
            title="Node counts",
            help_text="Each operator runs the application on each of these numbers of nodes.",
            type="array",
            minItems=1,
            uniqueItems=True,
            items=_number("nodes"),
        ),
        "ranks_per_node": _param(
            "ranks_per_node",
            section=HOW_OFTEN,
            title="Ranks per node",
            help_text="MPI processes on each node.",
            **_number("ranks_per_node"),
        ),
        "repeats": _param(
            "repeats",
            section=HOW_OFTEN,
            title="Repeats",
            help_text="Measured runs for each operator and node count.",
            **_number("repeats"),
        ),
        "warmups": _param(
            "warmups",
            section=HOW_OFTEN,
            title="Warm-up runs",
            help_text="Runs before the first measured one; they do not count in the statistics.",
            **_number("warmups", minimum=0),
        ),
        "design": _param(
            "design",
            section=HOW_OFTEN,
            title="Order",
            help_text="swap: one operator after the other; interleaved: random blocks of all.",
            **_choice(_values(Design)),
        ),
        "placement": _param(
            "placement",
            section=HOW_OFTEN,
            title="Choice of nodes",
            help_text="paired: the operators of a block run on the same nodes, drawn by the seed; "
            "free: the scheduler chooses. Empty: paired when interleaved, else free.",
            type=["null", "string"],
            enum=[None, *_values(NodeChoice)],
        ),
        "seed": _param(
            "seed",
            section=HOW_OFTEN,
            title="Seed of the order",
            help_text="The same seed gives the same order.",
            **_number("seed", minimum=0),
        ),
    }


def _where() -> dict[str, Param]:
    return {
        "cluster": _param(
            "cluster",
            section=WHERE,
            title="Cluster",
            help_text="Where to run: a cluster that is made for the study, or an existing one.",
            **_choice(clusters.available()),
        ),
        "cluster_options": _param(
            "cluster_options",
            section=WHERE,
            title="Cluster options",
            help_text="As the cluster's page lists them, for example a kubeconfig's path.",
            type="object",
        ),
        "pod_resources": _param(
            "pod_resources",
            section=WHERE,
            title="Resources of a pod",
            help_text="CPU and memory of each pod that carries ranks, as Kubernetes writes them.",
            type="object",
        ),
    }


def _budget() -> dict[str, Param]:
    return {
        "ask_approval": _param(
            "ask_approval",
            section=BUDGET,
            title="Ask before starting",
            help_text="Wait for an approval after the plan, before anything is created.",
            type="boolean",
        ),
        "point_timeout_s": _param(
            "point_timeout_s",
            section=BUDGET,
            title="Time limit of a point (s)",
            help_text="A run that takes longer is stopped and counts as failed.",
            type="number",
            exclusiveMinimum=0,
            maximum=MAXIMUM["point_timeout_s"],
        ),
        "max_usd": _param(
            "max_usd",
            section=BUDGET,
            title="Most to spend (USD)",
            help_text="A study that would cost more is refused; empty: no limit.",
            **_number("max_usd", minimum=0, kind=["null", "number"]),
        ),
        "ttl_hours": _param(
            "ttl_hours",
            section=BUDGET,
            title="Cluster's time to live (h)",
            help_text="After this time the cluster may be removed by anybody, whatever happened.",
            type="number",
            exclusiveMinimum=0,
            maximum=MAXIMUM["ttl_hours"],
        ),
        "results": _param(
            "results",
            section=BUDGET,
            title="Results location",
            help_text="A folder, or s3://connection@bucket/prefix; empty: the installation's own.",
            type=["null", "string"],
        ),
    }
