"""The trigger form: complete, readable, and in agreement with the plan."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError
from pydantic import ValidationError

from include import applications, clusters, k8s_operators
from include.limits import MAXIMUM
from include.models import Binding, Design, MpiImplementation, Study
from plugins.study_params import BUDGET, HOW_OFTEN, WHAT, WHERE, study_params

PARAMS = study_params()
FIELDS = list(Study.model_fields)
LOWEST = {
    "nodes": [1],
    "ranks_per_node": 1,
    "repeats": 1,
    "warmups": 0,
    "seed": 0,
    "max_usd": 0,
}
TOO_LOW = {
    "nodes": [0],
    "ranks_per_node": 0,
    "repeats": 0,
    "warmups": -1,
    "seed": -1,
    "max_usd": -1,
    "point_timeout_s": 0,
    "ttl_hours": 0,
}


def limits_of(name):
    """The part of the schema that bounds the numbers, which may be those in a list."""
    schema = PARAMS[name].schema
    return schema.get("items", schema)


def test_the_form_has_exactly_the_fields_of_a_study():
    assert set(PARAMS) == set(FIELDS)


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


@pytest.mark.parametrize("name", MAXIMUM)
def test_the_upper_bound_is_the_plans(name):
    assert limits_of(name)["maximum"] == MAXIMUM[name]


@pytest.mark.parametrize(("name", "value"), LOWEST.items())
def test_the_lower_bound_is_accepted_by_form_and_study(name, value):
    assert PARAMS[name].resolve(value) == value
    assert Study.model_validate({name: value})


@pytest.mark.parametrize(("name", "value"), TOO_LOW.items())
def test_what_is_too_low_is_refused_by_form_and_study(name, value):
    with pytest.raises(ParamValidationError):
        study_params()[name].resolve(value)
    with pytest.raises(ValidationError):
        Study.model_validate({name: value})


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
