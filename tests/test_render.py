from __future__ import annotations

import pytest

from include import render as rendering
from include.errors import RenderError


@pytest.fixture
def template(tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "MANIFESTS", tmp_path)
    rendering._environment.cache_clear()

    def write(text):
        (tmp_path / "t.yaml.j2").write_text(text)
        return "t.yaml.j2"

    yield write
    rendering._environment.cache_clear()


OBJECT = "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ name | tojson }}}\n"


def test_objects_come_in_the_templates_order(template):
    name = template(OBJECT + "---\n" + OBJECT.replace("Pod", "Service") + "---\n")
    assert [obj["kind"] for obj in rendering.render(name, name="a")] == ["Pod", "Service"]


@pytest.mark.parametrize(
    "value", ['x"\nkind: Evil', "{{ 7 * 7 }}", "a: b", "<&>", "ƒ", "\\ud83d", "\U0001f600"]
)
def test_value_stays_what_it_was(template, value):
    (obj,) = rendering.render(template(OBJECT), name=value)
    assert obj["metadata"]["name"] == value
    assert obj["kind"] == "Pod"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OBJECT, "'name' is undefined"),
        ("a: [", "while parsing"),
        ("- 1", "not a Kubernetes object"),
        ("kind: Pod", "not a Kubernetes object"),
        ("{% if %}", "Expected"),
    ],
)
def test_what_is_no_object_is_an_error_that_names_the_template(template, text, said):
    with pytest.raises(RenderError, match=f"t.yaml.j2.*{said}"):
        rendering.render(template(text))


def test_value_that_json_cannot_hold_is_an_error(template):
    with pytest.raises(RenderError, match="not JSON serializable"):
        rendering.render(template(OBJECT), name=object())
