"""The trigger form: one Airflow Param per field of `include.models.Study`, and the preset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from include import applications, clusters, k8s_operators
from include.models import Queue, Study
from include.study import presets

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESET = (
    "A study to start from, the cheapest first. It sets the fields that you leave as they are; "
    "what you change below wins, and the note of the run tells at once what came of it. With no "
    "preset and nothing changed the study of the fields below runs: at first a demo of two "
    "minutes, for nothing."
)
KEPT = (
    "With a preset: fields whose value below counts although it is the one that the form starts "
    "with. Without it the preset's would."
)


def study_params(study: Study | None = None) -> dict[str, Param]:
    """The params of a DAG that runs one study, by default the form's initial one."""
    defaults = (study or presets.start()).to_json()
    schema = Study.model_json_schema()
    choices = _choices()
    params = {presets.PARAM: _preset(), presets.KEPT: _kept()}
    for name, field in Study.model_fields.items():
        declared = schema["properties"][name]
        params[name] = Param(
            defaults[name],
            title=field.title,
            description=field.description,
            section=declared["section"],
            **_kind(declared, schema["$defs"]) | choices.get(name, {}),
        )
    return params


def _preset() -> Param:
    """Field of the preset, in no section, so that the form shows it first."""
    names = presets.by_cost()
    none = "none: the study is as the fields below say"
    return Param(
        None,
        title="Preset",
        description=PRESET,
        type=["null", "string"],
        enum=[None, *names],
        values_display={"null": none} | {name: _option(name) for name in names},
    )


def _option(name: str) -> str:
    """A preset, and the fields that it sets."""
    return f"{name}: {presets.title(name)} Sets {', '.join(presets.load(name))}."


def _kept() -> Param:
    """Field with the names of fields that a preset leaves unchanged."""
    fields = list(Study.model_fields)
    return Param(
        [],
        title="Keep as shown",
        description=KEPT,
        type="array",
        examples=fields,  # the form's choices; only `items` validates
        items={"type": "string", "enum": fields},
    )


def _kind(declared: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """A field's type and choices, from its JSON schema and the schemas it refers to.

    Without bounds: Airflow's form changes a number to fit the bounds it sees, and shows "Bad
    Request" for others. The task `plan` refuses a wrong value with a sentence.
    """
    value, *others = declared.get("anyOf", [declared])
    if "$ref" in value:
        value = named[value["$ref"].rpartition("/")[2]]
    kind: dict[str, Any] = {"type": value["type"].replace("integer", "number")}
    if value["type"] == "array":
        kind["items"] = _kind(value["items"], named)
    if "enum" in value:
        kind["enum"] = list(value["enum"])
    if others:  # it may be empty
        kind["type"] = ["null", kind["type"]]
        if "enum" in kind:
            kind["enum"] = [None, *kind["enum"]]
    return kind


def _choices() -> dict[str, dict[str, Any]]:
    """The choices among the installed adapters, and the form's label for an empty one."""
    operators = list(k8s_operators.available())
    return {
        "operators": {
            "examples": operators,  # the form's choices; only `items` validates
            "items": {"type": "string", "enum": operators},
        },
        "queue": {"examples": [each.value for each in Queue]},
        "application": {"enum": list(applications.available())},
        "cluster": {"enum": list(clusters.available())},
        "placement": {"values_display": {"null": "by the order"}},
    }
