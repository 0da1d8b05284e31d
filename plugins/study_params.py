"""The trigger form: one Airflow Param per field of `include.models.Study`, and the preset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from include import applications, clusters, k8s_operators
from include.models import Binding, Design, MpiImplementation, NodeChoice
from include.models.limits import MAXIMUM
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
        "name": {"type": "string", "pattern": r"^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$"},
        "operators": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
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
    items = {"type": "integer", "minimum": 1, "maximum": MAXIMUM["nodes"]}
    return {
        "nodes": {"type": "array", "minItems": 1, "uniqueItems": True, "items": items},
        "ranks_per_node": _number("ranks_per_node"),
        "repeats": _number("repeats"),
        "warmups": _number("warmups", minimum=0),
        "design": _choice(_values(Design)),
        "placement": {
            "type": ["null", "string"],
            "enum": [None, *_values(NodeChoice)],
            "values_display": {"null": "by the order"},
        },
        "seed": _number("seed", minimum=0),
    }


def _budget() -> Schemas:
    return {
        "ask_approval": {"type": "boolean"},
        "max_usd": _number("max_usd", minimum=0, kind=["null", "number"]),
        "point_timeout_s": _above_zero("point_timeout_s"),
        "ttl_hours": _above_zero("ttl_hours"),
        "results": {"type": ["null", "string"]},
    }


def _number(name: str, *, minimum: float = 1, kind: Any = "integer") -> dict[str, Any]:
    return _bounded(kind, minimum=minimum, maximum=MAXIMUM[name])


def _above_zero(name: str) -> dict[str, Any]:
    return _bounded("number", exclusiveMinimum=0, maximum=MAXIMUM[name])


def _bounded(kind: Any, **bounds: float) -> dict[str, Any]:
    """Bounds inside `allOf`: beside `type` the form would change a number to fit, unasked.

    Here it is sent as it was typed, and Airflow refuses it with the reason next to the form.
    """
    return {"type": kind, "allOf": [bounds]}


def _choice(names: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _values(choices: type[StrEnum]) -> list[str]:
    return [choice.value for choice in choices]
