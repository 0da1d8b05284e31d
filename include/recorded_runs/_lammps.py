"""What a recorded run's log and command line say of LAMMPS, checked as for a run of our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, StudyError
from include.recorded_runs._logs import parsed, place_of, told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "lammps"
_AXIS = re.compile(r"(?:^|\s)-v(?:ar)? ([xyz]) ([0-9]+)(?=\s|$)")
_PROGRAM = re.compile(r"(?:^|[\s/])lmp(?:\s|$)")
_SYNTHETIC = "SYNTHETIC"  # generated logs say so in their first line


def measured(path: Path, *, command: str | None, ranks: int | None) -> dict[str, Any]:
    """The record's fields that LAMMPS gives; ParseError or CheckFailed, never a part of them.

    `ranks` is among them, for runs of which nothing else tells it. The energy is checked where
    the command names a problem with a known one.
    """
    application = applications.load(NAME)
    result = parsed(path, application.parse)
    if ranks is not None and result.ranks != ranks:
        raise CheckFailed(f"{place_of(path)}: ran on {result.ranks} ranks instead of {ranks}")
    if has_reference(command):
        options = application.read_options(dict(replicas(command)))
        try:
            application.check(result, options=options, ranks=result.ranks or 0)
        except CheckFailed as err:
            raise CheckFailed(f"{place_of(path)}: {err}") from err
    return {
        "application": NAME,
        "declared": application.figures,
        "ranks": result.ranks,
        "figures": result.figures,
        "problem": result.problem,
        "program_version": result.version,
    }


def replicas(command: str | None) -> Mapping[str, int]:
    """The replicas `{"x": 64, …}` of a command line `lmp -v x 64 …`, empty when it has none."""
    return {axis: int(number) for axis, number in _AXIS.findall(command or "")}


def has_reference(command: str | None) -> bool:
    """Whether the right energy of the command's problem is known."""
    size = replicas(command)
    if not size:
        return False
    try:
        applications.load(NAME).read_options(dict(size))
    except (StudyError, ValidationError):  # not known, or no number of replicas
        return False
    return True


def application_of(command: str | None) -> str | None:
    """The application's name when the command line starts it, None otherwise."""
    return NAME if _PROGRAM.search(command or "") else None


def is_synthetic(path: Path) -> bool:
    """Whether the log says of itself that it was generated."""
    return _SYNTHETIC in (told(path, lambda lines: next(iter(lines), "")) or "")
