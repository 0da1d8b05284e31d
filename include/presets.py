"""Presets: studies that are kept by name, one YAML file each in `include/studies`.

A file holds fields of `include.models.Study`; what it leaves out is taken from the form. Its first
line is a comment that says in words what the study is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from include.errors import StudyError
from include.models import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "studies"
PARAM = "preset"  # the form's field beside those of a study


def available() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def title(name: str) -> str:
    """What a preset is, in words: the comment in its first line."""
    with (FOLDER / f"{name}.yaml").open() as file:
        return file.readline().removeprefix("#").strip()


def load(name: str) -> dict[str, Any]:
    """The fields that a preset sets; StudyError listing the presets when there is none."""
    if name not in available():
        raise StudyError(f"preset: there is no {name!r}; choose from {', '.join(available())}")
    values: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return values


def fill_in(params: Mapping[str, Any], *, conf: Mapping[str, Any]) -> dict[str, Any]:
    """The params of a run as fields of a study: those of its preset where nobody gave another.

    `conf` is what the caller sent. What is in it was given and wins over the preset. The trigger
    form sends every field, touched or not: there a field counts as given when it is not as the
    form showed it at first. StudyError for a preset that does not exist.
    """
    fields = {name: value for name, value in params.items() if name != PARAM}
    if (chosen := params.get(PARAM)) is None:
        return fields
    untouched = Study().to_json() if set(Study.model_fields) <= set(conf) else {}
    preset = load(chosen)
    taken = {
        name: value
        for name, value in preset.items()
        if name not in conf or (name in untouched and conf[name] == untouched[name])
    }
    return fields | taken


def told(params: Mapping[str, Any], *, study: Mapping[str, Any]) -> str | None:
    """Which fields of a study are its preset's and which were given, None without a preset."""
    if (chosen := params.get(PARAM)) is None:
        return None
    preset = load(chosen)
    own = [f"{name} {study[name]}" for name in preset if study[name] != preset[name]]
    given = f"; given instead of its own: {', '.join(own)}" if own else ""
    return f"preset {chosen} sets {', '.join(preset)}{given}"
