"""The result in a recorded run's log, read with the parser of its application."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from include import applications
from include.errors import CheckFailed, ParseError, StudyError
from include.recorded_runs._logs import TextHash, parsed, place_of, try_parse
from include.recorded_runs._programs import application_by_path, application_in, application_of_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


LAMMPS = "lammps"
_AXIS = re.compile(r"(?:^|\s)-v(?:ar)? ([xyz]) ([0-9]+)(?=\s|$)")
_PROGRAM = re.compile(r"(?:^|[\s/])lmp(?:\s|$)")
_SYNTHETIC = "SYNTHETIC"  # marks generated logs in their first line
# Fields of a record that belong to a run, not to its setup.
MEASURED = frozenset({"figures", "curves", "launcher_time_s", "broker_time_s"})


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The complete result of a run."""

    ranks: int
    fields: dict[str, Any]  # fields of its record
    text_sha256: str  # hash of the lines read


def measured(path: Path, *, command: str | None, ranks: int | None) -> Reading:
    """All figures of the program that wrote the log; otherwise ParseError or CheckFailed.

    `ranks` are known from elsewhere. LAMMPS's energy is checked if the command has a problem with a
    known one.
    """
    text, name = TextHash(), application_of(path, command) or LAMMPS
    application = applications.load(name)
    result = parsed(path, lambda lines: application.parse(text.passing(lines)))
    place = place_of(path)
    known = _ranks(result, ranks, place=place)
    if name == LAMMPS:
        check_energy(result, place=place, command=command)
    return Reading(ranks=known, fields=fields_of(name, result), text_sha256=text.hexdigest)


def measured_lines(
    lines: Sequence[str], *, place: str, command: str | None, ranks: int | None
) -> Reading:
    """Read lines that are part of a file, like `measured`; `place` names the part."""
    text, name = TextHash(), application_of_text("\n".join(lines)) or LAMMPS
    try:
        result = applications.load(name).parse(text.passing(lines))
    except ParseError as err:
        raise ParseError(f"{place}: {err}") from err
    known = _ranks(result, ranks, place=place)
    if name == LAMMPS:
        check_energy(result, place=place, command=command)
    return Reading(ranks=known, fields=fields_of(name, result), text_sha256=text.hexdigest)


def _ranks(result: applications.Measured, stated_ranks: int | None, *, place: str) -> int:
    """The ranks of a run; CheckFailed unless they are the known ones, ParseError without any."""
    if stated_ranks is not None and result.ranks not in {None, stated_ranks}:
        raise CheckFailed(f"{place}: ran on {result.ranks} ranks instead of {stated_ranks}")
    if (known := result.ranks or stated_ranks) is None:
        raise ParseError(f"{place}: neither the log nor what is beside it tells the ranks")
    return known


def check_energy(result: applications.Measured, *, place: str, command: str | None) -> None:
    """Raise CheckFailed for a wrong energy of LAMMPS."""
    if has_reference(command):
        application = applications.load(LAMMPS)
        options = application.read_options(dict(replicas(command)))
        try:
            application.check(result, options=options, ranks=result.ranks or 0)
        except CheckFailed as err:
            raise CheckFailed(f"{place}: {err}") from err


def fields_of(name: str, result: applications.Measured) -> dict[str, Any]:
    """The record's fields given by the program."""
    return {
        "application": name,
        "declared": applications.load(name).declared_by(result),
        "figures": result.figures,
        "curves": result.curves,
        "problem": result.problem,
        "program_version": result.version,
        "note": "; ".join(result.notes) or None,
    }


def replicas(command: str | None) -> Mapping[str, int]:
    """The replicas `{"x": 64, …}` of a command line `lmp -v x 64 …`, empty without any."""
    return {axis: int(number) for axis, number in _AXIS.findall(command or "")}


def has_reference(command: str | None) -> bool:
    """True if the correct energy of the command's problem is known."""
    size = replicas(command)
    if not size:
        return False
    try:
        applications.load(LAMMPS).read_options(dict(size))
    except (StudyError, ValidationError):  # unknown, or not a number of replicas
        return False
    return True


def application_of(log: Path, command: str | None) -> str | None:
    """The application's name, from the log, the command line that starts LAMMPS, or the path."""
    if name := application_in(log):
        return name
    return LAMMPS if _PROGRAM.search(command or "") else application_by_path(log)


def is_synthetic(path: Path) -> bool:
    """True if the log is marked as generated."""
    return _SYNTHETIC in (try_parse(path, lambda lines: next(iter(lines), "")) or "")
