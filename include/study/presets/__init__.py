"""Presets: studies that are kept by name in this folder.

A file there is one study: fields of `include.models.Study`, and what it leaves out is taken from
the form. Its first line is a comment that says in words what the study is. Only `nightly.yaml` is
of another form: it holds several studies and when they run, each of which is a preset, too.

The form itself starts with the demo, or with the preset that `OPERATOR_BENCHMARK_STUDY` names: an
installation that has no root, or a cluster of its own, is right at the first click.
"""

from __future__ import annotations

import copy
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from include import adapters
from include.errors import StudyError
from include.models import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
NIGHTLY = "nightly.yaml"  # read by `include.regression.settings`
PARAM = "preset"  # the form's field beside those of a study
START_VARIABLE = "OPERATOR_BENCHMARK_STUDY"  # the preset whose values the form starts with


def available() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    return tuple(sorted((*_files(), *_nightly())))


def title(name: str) -> str:
    """A preset's description: the comment in its first line."""
    if name in _nightly():
        return f"What runs every night: the study {name} of {NIGHTLY}."
    with _files()[name].open() as file:
        return file.readline().removeprefix("#").strip()


def load(name: str) -> dict[str, Any]:
    """The fields that a preset sets; StudyError listing the presets when there is none."""
    if name not in available():
        raise StudyError(f"preset: there is no {name!r}; choose from {', '.join(available())}")
    nightly = _nightly()
    values: dict[str, Any] = nightly[name] if name in nightly else _read(_files()[name])
    return values


def start() -> Study:
    """The study that the form shows at first; StudyError for a preset that does not exist."""
    name = os.environ.get(START_VARIABLE)
    return Study.model_validate(load(name)) if name else Study()


def _files() -> dict[str, Path]:
    """The file of each preset that has one to itself, in this folder or in somebody's own."""
    own = adapters.own_folder("presets")
    folders = (FOLDER, *([own] if own else []))
    return {p.stem: p for folder in folders for p in folder.glob("*.yaml") if p.name != NIGHTLY}


def _nightly() -> dict[str, dict[str, Any]]:
    """The studies that run every night."""
    file = FOLDER / NIGHTLY
    nightly = _read(file) if file.exists() else {}
    return {name: dict(settings.get("study", {})) for name, settings in nightly.items()}


def _read(file: Path) -> Any:
    return copy.deepcopy(_parsed(file.read_text()))


@functools.lru_cache(maxsize=32)  # a DAG file asks for each preset several times
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)


def fill_in(params: Mapping[str, Any], *, conf: Mapping[str, Any]) -> dict[str, Any]:
    """The params of a run as fields of a study: those of its preset where nobody gave another.

    `conf` is what the caller sent. What is in it was given and wins over the preset. The trigger
    form sends every field, touched or not: there a field counts as given when it is not as the
    form showed it at first. StudyError for a preset that does not exist.
    """
    fields = {name: value for name, value in params.items() if name != PARAM}
    if (chosen := params.get(PARAM)) is None:
        return fields
    untouched = start().to_json() if set(Study.model_fields) <= set(conf) else {}
    preset = load(chosen)
    taken = {
        name: value
        for name, value in preset.items()
        if name not in conf or (name in untouched and conf[name] == untouched[name])
    }
    return fields | taken


def told(params: Mapping[str, Any], *, study: Mapping[str, Any]) -> str | None:
    """The fields of a study that are its preset's and those given; None without a preset."""
    if (chosen := params.get(PARAM)) is None:
        return None
    preset = load(chosen)
    own = [f"{name} {study[name]}" for name in preset if study[name] != preset[name]]
    given = f"; given instead of its own: {', '.join(own)}" if own else ""
    return f"preset {chosen} sets {', '.join(preset)}{given}"
