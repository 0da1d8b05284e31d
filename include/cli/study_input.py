"""The study that a command line names: a preset, JSON, a file, or standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from include.errors import StudyError
from include.study import presets


def read_params(given: str, *, changes: list[str]) -> dict[str, Any]:
    """The params that a run would get; StudyError naming what cannot be read."""
    params = _params(given)
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise StudyError(f"--set {change}: must be FIELD=VALUE")
        params[name] = _value(text)
    return params


def _params(given: str) -> dict[str, Any]:
    if given in presets.available():
        return {presets.PARAM: given}
    text, source = _text(given)
    try:
        params = json.loads(text)
    except json.JSONDecodeError as err:
        if not source.endswith((".yaml", ".yml")):
            hint = presets_hint(given)
            raise StudyError(f"{source} is no JSON object: {err}{hint}") from err
        params = yaml.safe_load(text)
    if not isinstance(params, dict):
        raise StudyError(f"{source} is no JSON object, but {type(params).__name__}")
    return params


def _text(given: str) -> tuple[str, str]:
    """The text and what it is called in a message."""
    if given == "-":
        return sys.stdin.read(), "standard input"
    if given.endswith((".json", ".yaml", ".yml")):
        try:
            return Path(given).read_text(), given
        except OSError as err:
            raise StudyError(f"{given} cannot be read: {err.strerror}") from err
    return given, f"the study {given!r}"


def presets_hint(given: str) -> str:
    """Suggestions for a word that is not known."""
    if given.startswith(("{", "[")):
        return ""
    return f"; the presets are {', '.join(presets.available())}"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
