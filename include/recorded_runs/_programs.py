"""The program that wrote a log, for logs that no parser reads."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from pathlib import Path

_OURS = b"LAMMPS ("
_SIGNS = {
    "OSU Micro-Benchmarks": rb"^# OSU ",
    "AMG2023": rb"^ *(?:Hypre init|Problem [0-9]: AMG Setup Time|FOM_Setup: nnz_AP)",
    "miniFE": rb"^(?:MiniFE Mini-App|Mini-Application Name: +miniFE)",
    "HPCG": rb"^(?:HPCG|HPC Gradient)[- ]",
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
    r"(amg|qmcpack|osu|hpcg|hpl|kripke|laghos|minife|mt-gemm|quicksilver|stream|mixbench|"
    r"all_?reduce|nekrs|cloverleaf|gromacs|namd|ior)[\w]*?[-_.]"
)
_SHELLS = frozenset({"bash", "sh", "python", "python3", "singularity", "time"})


def other_program(path: Path) -> str | None:
    """The program whose log this is; None for LAMMPS, for an unknown one, and no file to read."""
    try:
        text = b"".join(islice(chunks_of(path), 1))
    except OSError:
        return None
    if _OURS in text:
        return None
    for name, pattern in _PATTERNS.items():
        if pattern.search(text):
            return name
    command = _COMMAND.search(text)
    program = command[1].decode(errors="replace") if command else ""
    if program and program not in _SHELLS:
        return None if _LAMMPS_PROGRAMS.fullmatch(program) else program
    named = _BY_NAME.match(path.name)
    return named[1] if named else None
