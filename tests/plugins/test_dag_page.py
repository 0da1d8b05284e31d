"""The page of a DAG: made from the code, so that it says what there is."""

from __future__ import annotations

import json

import pytest

from include import applications, clusters, k8s_operators
from include.models import Study
from include.study import presets
from plugins.dag_page import OWNER, dag_page, owner_links
from plugins.study_params import study_params

PAGE = dag_page("What the DAG does.", study_params())


def test_it_begins_with_the_dags_own_words():
    assert PAGE.startswith("What the DAG does.\n\n## ")


@pytest.mark.parametrize("name", Study.model_fields)
def test_every_field_of_the_form_is_explained(name):
    field = Study.model_fields[name]
    default = json.dumps(Study().to_json()[name])
    assert f"- **{field.title}**, `{name}`, at first `{default}`: {field.description}" in PAGE


@pytest.mark.parametrize("package", [k8s_operators, applications, clusters])
def test_every_adapter_is_named_with_what_it_is(package):
    for name in package.available():
        (line,) = [line for line in PAGE.splitlines() if line.startswith(f"- `{name}`: ")]
        assert line.endswith(".")


def test_every_preset_is_there_with_its_values():
    for name in presets.available():
        assert f"- `{name}`: {presets.title(name)} `{{" in PAGE


def test_the_owner_leads_to_the_studies_or_to_whom_the_installation_names(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://host/below/")
    assert owner_links() == {OWNER: "http://host/below/plugin/benchmark-studies"}
    monkeypatch.setenv("OPERATOR_BENCHMARK_CONTACT", "mailto:somebody@example.org")
    assert owner_links() == {OWNER: "mailto:somebody@example.org"}


def test_without_an_address_the_owner_leads_nowhere(monkeypatch):
    monkeypatch.delenv("OPERATOR_BENCHMARK_CONTACT", raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    assert owner_links() == {}
