"""Presets: studies kept by name in this folder.

A file is one study with fields of `include.models.Study`; the form supplies the omitted ones. Its
first line is a comment that describes the study. Only `nightly.yaml` has another form: it holds
several studies and their schedules, each of which is a preset too.

The form itself starts with the demo, or with the preset named by `OPERATOR_BENCHMARK_STUDY`, so
that an installation without root, or with its own cluster, is right at the first click.
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
from include.study import own_mpi

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
NIGHTLY = "nightly.yaml"  # read by `include.regression.settings`
PARAM = "preset"  # the form's fields besides those of a study
KEPT = "keep"
START_VARIABLE = "OPERATOR_BENCHMARK_STUDY"  # the preset that the form starts with


def available() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    return tuple(sorted((*_files(), *_nightly())))


def by_cost() -> tuple[str, ...]:
    """Names of all presets, cheapest first; those without costs by their runs' size."""
    return tuple(sorted(available(), key=lambda name: (*_size(name), name)))


def _size(name: str) -> tuple[float, int]:
    """Maximum cost of a preset, and the total nodes of its runs."""
    study = Study.model_validate(load(name))
    runs = len(study.operators) * (study.repeats + study.warmups)
    return (study.max_usd or 0.0, runs * sum(study.nodes))


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
    """The study that the form shows initially; StudyError for an unknown preset."""
    name = os.environ.get(START_VARIABLE)
    return Study.model_validate(load(name)) if name else Study()


def _files() -> dict[str, Path]:
    """The files of presets that have their own, in this folder or the user's."""
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
    """The params of a run as a study's fields: its preset's, except where the user gave others.

    `conf` is what the caller sent: given values, which win over the preset. The trigger form sends
    every field, touched or not: there a field counts as given if it differs from the form's initial
    value, or is named in `keep`. StudyError for an unknown preset.
    An MPI library that neither gives is the one that the application is built for.
    """
    fields = {name: value for name, value in params.items() if name not in {PARAM, KEPT}}
    chosen = params.get(PARAM)
    preset = {} if chosen is None else load(chosen)
    given = _given(params, conf=conf)
    filled = fields | {name: value for name, value in preset.items() if name not in given}
    return filled if own_mpi.FIELD in {*given, *preset} else filled | own_mpi.own_mpi(filled)


def _given(params: Mapping[str, Any], *, conf: Mapping[str, Any]) -> set[str]:
    """The fields that the caller chose; StudyError for an unknown one in `keep`."""
    untouched = start().to_json() if set(Study.model_fields) <= set(conf) else {}
    chosen = {name for name in conf if name not in untouched or conf[name] != untouched[name]}
    return chosen | _kept(params)


def _kept(params: Mapping[str, Any]) -> frozenset[str]:
    """Fields that win over a preset unchanged; StudyError for an unknown one."""
    given = params.get(KEPT) or ()
    for name in given:
        if name not in Study.model_fields:
            hint = adapters.did_you_mean(str(name), Study.model_fields)
            more = f"; {hint}" if hint else ""
            raise StudyError(f"{KEPT}: {name!r} is no field of a study{more}")
    return frozenset(given)


def described(params: Mapping[str, Any], *, study: Mapping[str, Any]) -> str | None:
    """Text on a study's preset and the values given instead of its own; None without a preset."""
    if (chosen := params.get(PARAM)) is None:
        return None
    preset = load(chosen)
    own = [f"{name} {study[name]}" for name in preset if study[name] != preset[name]]
    given = f"; given instead of its own: {', '.join(own)}" if own else ""
    return f"preset {chosen} sets {', '.join(preset)}{given}"
