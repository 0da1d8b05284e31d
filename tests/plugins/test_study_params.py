"""The trigger form: complete, readable, and in agreement with the plan."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError

from include import applications, clusters, k8s_operators
from include.errors import StudyError
from include.models import Binding, Design, MpiImplementation, Section, Study
from include.study import presets
from include.study.plan import read_study
from include.study.presets import KEPT, PARAM
from plugins.study_params import study_params

PARAMS = study_params()
FIELDS = list(Study.model_fields)


def test_the_form_has_exactly_the_fields_of_a_study_a_preset_and_what_it_leaves():
    assert list(PARAMS)[:2] == [PARAM, KEPT]
    assert set(PARAMS) == {PARAM, KEPT, *FIELDS}


def test_the_sections_are_in_the_order_of_the_questions():
    sections = [PARAMS[name].schema["section"] for name in FIELDS]
    assert list(dict.fromkeys(sections)) == list(Section)
    assert sections == sorted(sections, key=list(Section).index)


def test_the_presets_are_offered_with_what_they_are():
    schema = PARAMS[PARAM].schema
    assert schema["enum"] == [None, *presets.by_cost()]
    assert schema["values_display"]["smoke"].endswith("Sets name, nodes, repeats, warmups.")
    assert set(schema["values_display"]) == {"null", *presets.available()}
    assert PARAMS[PARAM].resolve() is None


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_title_a_description_and_a_section(name):
    param = PARAMS[name]
    assert param.schema["title"]
    assert param.description.endswith(".")
    assert param.schema["section"] in set(Section)


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


# Each would be "Bad Request" in the form, without a reason, if Airflow checked it.
WRONG = [
    ("max_usd", -5, "max_usd: must be 0 or more"),
    ("repeats", 0, "repeats: must be 1 or more"),
    ("repeats", 500, "repeats: must be 100 or less"),
    ("seed", 2**31, "seed: must be 2147483647 or less"),
    ("warmups", 2.5, "warmups: must be a whole number"),
    ("nodes", [0], "nodes.0: must be 1 or more"),
    ("nodes", [], "nodes: needs at least one value"),
    ("nodes", [2, 2], "nodes: .* names one twice"),
    ("ttl_hours", 0, "ttl_hours: must be more than 0"),
    ("operators", [], "operators: needs at least one value"),
    ("name", "Not A Label", "name: must be at most 24 lower-case letters"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_value_passes_the_form_and_is_refused_by_the_plan_in_words(name, value, words):
    assert PARAMS[name].resolve(value) == value
    with pytest.raises(StudyError, match=words):
        read_study({**Study().to_json(), name: value})


def test_every_number_of_a_study_has_its_bounds():
    fields = Study.model_json_schema()["properties"].items()
    numbers = {name for name, it in fields if "'integer'" in repr(it) or "'number'" in repr(it)}
    bounded = {name for name, it in fields if "'maximum'" in repr(it) and "inimum'" in repr(it)}
    assert numbers == bounded


def test_no_field_has_bounds_that_the_form_would_clamp_to_or_airflow_refuse_without_a_word():
    schemas = [repr(param.schema) for param in PARAMS.values()]
    assert not [s for s in schemas for word in BOUNDS if f"'{word}'" in s]


BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "pattern", "minItems", "uniqueItems")


@pytest.mark.parametrize("value", [None, "/data/results", "s3://my_connection@bucket/prefix"])
def test_the_results_go_to_a_folder_a_bucket_or_the_installations_own_place(value):
    assert study_params()["results"].resolve(value) == value
    assert Study(results=value).results == value


def test_a_results_address_is_a_text():
    with pytest.raises(ParamValidationError):
        study_params()["results"].resolve(1)


def test_an_operator_that_there_is_not_is_refused():
    with pytest.raises(ParamValidationError):
        study_params()["operators"].resolve(["no_such_operator"])


def test_the_form_starts_as_the_installation_says(monkeypatch):
    monkeypatch.setenv(presets.START_VARIABLE, "simulated_demo")
    params = study_params()
    assert params["cluster"].resolve() == "simulated"
    assert params["cluster_options"].resolve() == presets.load("simulated_demo")["cluster_options"]
    assert params[PARAM].resolve() is None
