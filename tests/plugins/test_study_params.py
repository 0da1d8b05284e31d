"""The trigger form: complete, readable, and in agreement with the plan."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError
from pydantic import ValidationError

from include import applications, clusters, k8s_operators
from include.errors import StudyError
from include.models import Binding, Design, MpiImplementation, Study
from include.models.limits import MAXIMUM, check_limits
from include.study import presets
from include.study.presets import PARAM
from plugins.study_params import BUDGET, HOW_OFTEN, WHAT, WHERE, study_params


def bounds_of(param):
    """What bounds a param's numbers, or those in its list; nothing when it holds none."""
    schema = param.schema.get("items", param.schema)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not {"integer", "number"} & set(kinds):
        return None
    return schema["allOf"][0] if "allOf" in schema else schema


PARAMS = study_params()
FIELDS = list(Study.model_fields)
NUMBERS = [name for name, param in PARAMS.items() if bounds_of(param)]


def test_the_form_has_exactly_the_fields_of_a_study_and_a_preset():
    assert next(iter(PARAMS)) == PARAM
    assert set(PARAMS) == {PARAM, *FIELDS}


def test_the_sections_are_in_the_order_of_the_questions():
    sections = [PARAMS[name].schema["section"] for name in PARAMS if name != PARAM]
    assert list(dict.fromkeys(sections)) == [WHAT, WHERE, HOW_OFTEN, BUDGET]
    assert sections == sorted(sections, key=[WHAT, WHERE, HOW_OFTEN, BUDGET].index)


def test_the_presets_are_offered_with_what_they_are():
    schema = PARAMS[PARAM].schema
    assert schema["enum"] == [None, *presets.available()]
    assert set(schema["values_display"]) == {"null", *presets.available()}
    assert PARAMS[PARAM].resolve() is None


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_title_a_description_and_a_section(name):
    param = PARAMS[name]
    assert param.schema["title"]
    assert param.description.endswith(".")
    assert param.schema["section"] in {WHAT, HOW_OFTEN, WHERE, BUDGET}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_starts_with_the_studys_own_default_and_accepts_it(name):
    assert PARAMS[name].resolve() == Study().to_json()[name]


def test_choices_are_the_adapters_that_there_are():
    operators = list(k8s_operators.available())
    assert PARAMS["operators"].schema["items"]["enum"] == operators
    assert PARAMS["operators"].schema["examples"] == operators
    assert PARAMS["application"].schema["enum"] == list(applications.available())
    assert PARAMS["cluster"].schema["enum"] == list(clusters.available())


@pytest.mark.parametrize(
    ("name", "choices"),
    [("mpi_implementation", MpiImplementation), ("binding", Binding), ("design", Design)],
)
def test_choices_are_those_of_the_study(name, choices):
    assert PARAMS[name].schema["enum"] == [choice.value for choice in choices]


def accepted_by_the_form(name, value):
    try:
        return study_params()[name].resolve(value) == value
    except ParamValidationError:
        return False


def accepted_by_the_plan(name, value):
    try:
        check_limits(Study.model_validate({name: value}))
    except (ValidationError, StudyError):
        return False
    return True


def test_every_number_of_a_study_is_bounded_in_the_form():
    fields = Study.model_json_schema()["properties"].items()
    numbers = {name for name, it in fields if "'integer'" in repr(it) or "'number'" in repr(it)}
    assert set(NUMBERS) == numbers == set(MAXIMUM)


@pytest.mark.parametrize("name", NUMBERS)
def test_form_and_plan_draw_the_same_bounds(name):
    bounds = bounds_of(PARAMS[name])
    lowest = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    for edge, step in ((lowest, -1), (bounds["maximum"], 1)):
        for number in (edge, edge + step, edge - step):
            value = [number] if name == "nodes" else number
            assert accepted_by_the_form(name, value) is accepted_by_the_plan(name, value), value
    assert not accepted_by_the_plan(name, value=[lowest - 1] if name == "nodes" else lowest - 1)
    highest = bounds["maximum"]
    assert accepted_by_the_plan(name, value=[highest] if name == "nodes" else highest)


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - {"nodes"}))
def test_the_form_changes_no_number_to_fit(name):
    assert not {"minimum", "maximum"} & set(PARAMS[name].schema)  # the UI clamps to these


@pytest.mark.parametrize("value", ["a", "demo-2", "a" * 24])
def test_a_name_that_the_form_accepts_is_a_studys_name(value):
    assert study_params()["name"].resolve(value) == value
    assert Study(name=value).name == value


@pytest.mark.parametrize("value", ["", "2demo", "Demo", "demo-", "a" * 25])
def test_a_name_that_is_no_label_is_refused_by_form_and_study(value):
    with pytest.raises(ParamValidationError):
        study_params()["name"].resolve(value)
    with pytest.raises(ValidationError):
        Study(name=value)


@pytest.mark.parametrize("value", [None, "/data/results", "s3://my_connection@bucket/prefix"])
def test_the_results_go_to_a_folder_a_bucket_or_the_installations_own_place(value):
    assert study_params()["results"].resolve(value) == value
    assert Study(results=value).results == value


def test_a_results_address_is_a_text():
    with pytest.raises(ParamValidationError):
        study_params()["results"].resolve(1)


@pytest.mark.parametrize("value", [[], ["no_such_operator"], ["fake_a", "fake_a"]])
def test_operators_that_cannot_be_compared_are_refused(value):
    with pytest.raises(ParamValidationError):
        study_params()["operators"].resolve(value)


def test_the_form_starts_as_the_installation_says(monkeypatch):
    monkeypatch.setenv(presets.START_VARIABLE, "simulated_demo")
    params = study_params()
    assert params["cluster"].resolve() == "simulated"
    assert params["cluster_options"].resolve() == presets.load("simulated_demo")["cluster_options"]
    assert params[PARAM].resolve() is None
