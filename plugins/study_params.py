"""The trigger form: one Airflow Param per field of `include.models.Study`, and the preset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from include import applications, clusters, k8s_operators
from include.models import Binding, Design, MpiImplementation, NodeChoice
from include.study import presets
from plugins.study_texts import PRESET, one_line, title_and_help

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

    from include.models import Study

WHAT = "What to run"
WHERE = "Where to run it"
HOW_OFTEN = "How often, and in which order"
BUDGET = "Budget, limits and results"

Schemas = dict[str, dict[str, Any]]
# Without bounds: Airflow's form changes a number to fit those that it sees, and shows "Bad Request"
# for those that it does not. The task `plan` refuses a wrong one with a sentence, as everywhere.
NUMBER: dict[str, Any] = {"type": "number"}


def study_params(study: Study | None = None) -> dict[str, Param]:
    """The params of a DAG that runs one study, by default the one that the form starts with."""
    sections = {WHAT: _what(), WHERE: _where(), HOW_OFTEN: _how_often(), BUDGET: _budget()}
    defaults = (study or presets.start()).to_json()
    params = {presets.PARAM: _preset()}
    for section, schemas in sections.items():
        for name, schema in schemas.items():
            title, text = title_and_help(name)
            params[name] = Param(
                defaults[name], title=title, description=text, section=section, **schema
            )
    return params


def _preset() -> Param:
    """In no section, so that it is what the form shows first."""
    names = presets.available()
    none = "none: the study is as the fields below say"
    return Param(
        None,
        title="Preset",
        description=one_line(PRESET),
        type=["null", "string"],
        enum=[None, *names],
        values_display={"null": none} | {name: f"{name}: {presets.title(name)}" for name in names},
    )


def _what() -> Schemas:
    operators = list(k8s_operators.available())
    return {
        "name": {"type": "string"},
        "operators": {
            "type": "array",
            "examples": operators,  # the form's choices; only `items` validates
            "items": {"type": "string", "enum": operators},
        },
        "application": _choice(applications.available()),
        "application_options": {"type": "object"},
        "operator_options": {"type": "object"},
        "image": {"type": ["null", "string"]},
        "mpi_implementation": _choice(_values(MpiImplementation)),
        "binding": _choice(_values(Binding)),
    }


def _where() -> Schemas:
    return {
        "cluster": _choice(clusters.available()),
        "cluster_options": {"type": "object"},
        "pod_resources": {"type": "object"},
        "environment": {"type": "object"},
        "image_pull_secret": {"type": ["null", "string"]},
    }


def _how_often() -> Schemas:
    return {
        "nodes": {"type": "array", "items": {"type": "number"}},
        "ranks_per_node": NUMBER,
        "repeats": NUMBER,
        "warmups": NUMBER,
        "design": _choice(_values(Design)),
        "placement": {
            "type": ["null", "string"],
            "enum": [None, *_values(NodeChoice)],
            "values_display": {"null": "by the order"},
        },
        "seed": NUMBER,
    }


def _budget() -> Schemas:
    return {
        "ask_approval": {"type": "boolean"},
        "max_usd": {"type": ["null", "number"]},
        "point_timeout_s": NUMBER,
        "ttl_hours": NUMBER,
        "results": {"type": ["null", "string"]},
    }


def _choice(names: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _values(choices: type[StrEnum]) -> list[str]:
    return [choice.value for choice in choices]
