"""Kubernetes objects from the templates in `include/manifests/`; a missing value is an error."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from include.errors import RenderError

MANIFESTS = Path(__file__).parent / "manifests"


def render(template: str, **values: Any) -> tuple[dict[str, Any], ...]:
    """The objects of a template, in its order.

    Every value is inserted by `tojson`, so no text can change the structure; RenderError when a
    value is missing or the result is not Kubernetes objects.
    """
    try:
        text = _environment().get_template(template).render(**values)
        objects = [obj for obj in yaml.safe_load_all(text) if obj is not None]
    except (TemplateError, yaml.YAMLError, TypeError) as err:
        msg = f"{template}: {err}"
        raise RenderError(msg) from err
    for obj in objects:
        if not isinstance(obj, dict) or not {"apiVersion", "kind", "metadata"} <= obj.keys():
            msg = f"{template}: a document is not a Kubernetes object: {str(obj)[:80]}"
            raise RenderError(msg)
    return tuple(objects)


@cache
def _environment() -> Environment:
    # The output is YAML, not HTML: the default `tojson` would escape <, > and & in commands.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(MANIFESTS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tojson"] = _to_json
    return environment


def _to_json(value: Any) -> str:
    if isinstance(value, StrictUndefined):
        str(value)  # raises UndefinedError with the value's name
    return json.dumps(value, sort_keys=True)
