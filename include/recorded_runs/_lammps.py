"""LAMMPS results from a recorded run's log and command line, checked like our own runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError, StudyError
from include.recorded_runs._logs import TextHash, parsed, place_of, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


NAME = "lammps"
_AXIS = re.compile(r"(?:^|\s)-v(?:ar)? ([xyz]) ([0-9]+)(?=\s|$)")
_PROGRAM = re.compile(r"(?:^|[\s/])lmp(?:\s|$)")
_SYNTHETIC = "SYNTHETIC"  # generated logs say so in their first line
# Fields of a record that are a run's own, and not of its set-up.
MEASURED = frozenset({"figures", "curves", "launcher_time_s", "broker_time_s"})


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The complete LAMMPS result of a run."""

    ranks: int
    fields: dict[str, Any]  # fields of its record
    text_sha256: str  # hash of the lines that were read


def measured(path: Path, *, command: str | None, ranks: int | None) -> Reading:
    """LAMMPS's figures, all of them; else ParseError or CheckFailed.

    `ranks`: as something beside LAMMPS tells them. The energy is checked where the command names
    a problem with a known one.
    """
    text = TextHash()
    application = applications.load(NAME)
    result = parsed(path, lambda lines: application.parse(text.passing(lines)))
    check(result, place=place_of(path), command=command, ranks=ranks)
    return Reading(ranks=result.ranks or 0, fields=fields_of(result), text_sha256=text.hexdigest)


def measured_lines(
    lines: Sequence[str], *, place: str, command: str | None, ranks: int | None
) -> Reading:
    """As `measured`, of lines that are a part of a file; `place` names the part."""
    text = TextHash()
    try:
        result = applications.load(NAME).parse(text.passing(lines))
    except ParseError as err:
        raise ParseError(f"{place}: {err}") from err
    check(result, place=place, command=command, ranks=ranks)
    return Reading(ranks=result.ranks or 0, fields=fields_of(result), text_sha256=text.hexdigest)


def check(
    result: applications.Measured, *, place: str, command: str | None, ranks: int | None
) -> None:
    """Raise CheckFailed for other ranks than were told, and for a wrong energy."""
    if ranks is not None and result.ranks != ranks:
        raise CheckFailed(f"{place}: ran on {result.ranks} ranks instead of {ranks}")
    if has_reference(command):
        application = applications.load(NAME)
        options = application.read_options(dict(replicas(command)))
        try:
            application.check(result, options=options, ranks=result.ranks or 0)
        except CheckFailed as err:
            raise CheckFailed(f"{place}: {err}") from err


def fields_of(result: applications.Measured) -> dict[str, Any]:
    """The record's fields that LAMMPS gives."""
    return {
        "application": NAME,
        "declared": applications.load(NAME).figures,
        "figures": result.figures,
        "problem": result.problem,
        "program_version": result.version,
    }


def replicas(command: str | None) -> Mapping[str, int]:
    """The replicas `{"x": 64, …}` of a command line `lmp -v x 64 …`, empty when it has none."""
    return {axis: int(number) for axis, number in _AXIS.findall(command or "")}


def has_reference(command: str | None) -> bool:
    """True if the right energy of the command's problem is known."""
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
    """True if the log says that it was generated."""
    return _SYNTHETIC in (told(path, lambda lines: next(iter(lines), "")) or "")
