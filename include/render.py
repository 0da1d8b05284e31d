"""Kubernetes objects from the templates in `include/manifests/` and from upstream's YAML."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from include.errors import RenderError

MANIFESTS = Path(__file__).parent / "manifests"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
# A character beyond the first 65,536 has two escapes in JSON; YAML has one for it.
_PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


def render(template: str, **values: Any) -> tuple[dict[str, Any], ...]:
    """The objects of a template, in its order.

    Every value is inserted by `tojson`, so no text can change the structure; RenderError when a
    value is missing or the result is not Kubernetes objects.
    """
    try:
        text = _environment().get_template(template).render(**values)
        objects = objects_in(text)
    except (TemplateError, yaml.YAMLError, TypeError) as err:
        msg = f"{template}: {err}"
        raise RenderError(msg) from err
    for obj in objects:
        if not isinstance(obj, dict) or not {"apiVersion", "kind", "metadata"} <= obj.keys():
            msg = f"{template}: a document is not a Kubernetes object: {str(obj)[:80]}"
            raise RenderError(msg)
    return tuple(objects)


def objects_in(text: str | bytes) -> list[dict[str, Any]]:
    """The documents of a YAML text that are not empty; yaml.YAMLError when it is none."""
    return [obj for obj in yaml.load_all(text, Loader=_LOADER) if obj is not None]


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
    return _PAIR.sub(_in_yaml, json.dumps(value, sort_keys=True))


def _in_yaml(pair: re.Match[str]) -> str:
    character = json.loads(f'"{pair[0]}"')
    return f"\\U{ord(character):08x}"
