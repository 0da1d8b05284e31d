"""The program that wrote a log, for logs without a parser."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from include import applications
from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from pathlib import Path

_SIGNS = {
    "miniFE": rb"^(?:MiniFE Mini-App|Mini-Application Name: +miniFE)",
    "HPL": rb"^HPLinpack ",
    "QMCPACK": rb"^ +QMCPACK ",
    "Kripke": rb"^ *Kripke, Version",
    "Laghos": rb"^Options used:\n +--mesh",
    "Quicksilver": rb"^Copyright \(c\) 2016\nLawrence Livermore",
    "STREAM": rb"^STREAM version ",
    "NCCL tests": rb"^# nThread [0-9]+ nGpus ",
    "IOR": rb"^IOR-[0-9]",
    "GROMACS": rb":-\) GROMACS",
    "NAMD": rb"^Info: NAMD ",
    "Intel MPI Benchmarks": rb"^# *Intel\(R\) MPI Benchmarks",
}
_PATTERNS = {name: re.compile(sign, re.MULTILINE) for name, sign in _SIGNS.items()}
_COMMAND = re.compile(rb'"tasks": ?\[\{"command": ?\["(?:[^"]*/)?([^"/]+)"')
_LAMMPS_PROGRAMS = re.compile(r"lmp\w*|lammps\w*")
_BY_NAME = re.compile(
    r"(qmcpack|hpl|kripke|laghos|minife|mt-gemm|quicksilver|stream|mixbench|"
    r"all_?reduce|nekrs|cloverleaf|gromacs|namd|ior)[\w]*?[-_.]"
)
_SHELLS = frozenset({"bash", "sh", "python", "python3", "singularity", "time"})


def application_of_text(text: str) -> str | None:
    """The application whose sign comes first in a text; None for another program's."""
    places = {name: text.find(sign) for name, sign in _signs().items()}
    there = {name: place for name, place in places.items() if place >= 0}
    return min(there, key=there.__getitem__) if there else None


def application_in(path: Path) -> str | None:
    """The application that wrote this log, from its beginning; None for another program's."""
    try:
        return application_of_text(_beginning(path).decode(errors="replace"))
    except OSError:
        return None


def application_by_path(path: Path) -> str | None:
    """The application that the file, or else one of its folders, is named after."""
    parts = (path.name, *(folder.name for folder in path.parents))
    return next(filter(None, map(_application_of_name, parts)), None)


def _application_of_name(text: str) -> str | None:
    stems = {re.split(r"[0-9]", name)[0]: name for name in _signs()}  # amg of amg2023
    return next((name for stem, name in stems.items() if text.lower().startswith(stem)), None)


def sign_in(block: bytes) -> str | None:
    """The sign of the application whose log begins like this; None for another program's."""
    name = application_of_text(block.decode(errors="replace"))
    return _signs()[name] if name else None


@cache
def _signs() -> dict[str, str]:
    known = {name: applications.load(name).sign for name in applications.available()}
    return {name: sign for name, sign in known.items() if sign}


def _beginning(path: Path) -> bytes:
    return b"".join(islice(chunks_of(path), 1))


def other_program(path: Path) -> str | None:
    """The program whose log has no parser; None for logs with one, and for unknown ones."""
    try:
        text = _beginning(path)
    except OSError:
        return None
    if application_of_text(text.decode(errors="replace")):
        return None
    for name, pattern in _PATTERNS.items():
        if pattern.search(text):
            return name
    command = _COMMAND.search(text)
    program = command[1].decode(errors="replace") if command else ""
    if program and program not in _SHELLS:
        is_ours = _LAMMPS_PROGRAMS.fullmatch(program) or _application_of_name(program)
        return None if is_ours else program
    named = _BY_NAME.match(path.name)
    return named[1] if named else None
