"""The output of AMG2023 (`amg -P … -n … -problem 2`): setup, solve and the figure of merit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.line_prefixes import plain
from include.parsers.lines import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = "Running with these driver parameters:"
LAST = "Figure of Merit (FOM)"
_NUMBER = r"([0-9]+\.[0-9]{6}(?:e[+-][0-9]{2})?)"
_LINES = {
    "problem": re.compile(r"\s*Problem ID\s*=\s*([0-9]+)"),
    "cells": re.compile(r"\s*\(Nx, Ny, Nz\) = \(([0-9]+), ([0-9]+), ([0-9]+)\)"),
    "processes": re.compile(r"\s*\(Px, Py, Pz\) = \(([0-9]+), ([0-9]+), ([0-9]+)\)"),
    "iterations": re.compile(r"Iterations = ([0-9]+)"),
    "residual": re.compile(rf"Final Relative Residual Norm = {_NUMBER}"),
    "fom": re.compile(rf"Figure of Merit \(FOM\):? ?.*[ )]{_NUMBER}"),
}
# Beginnings of lines with a figure; a line that then does not match was cut.
_BEGINNINGS = {
    "iterations": "Iterations = ",
    "residual": "Final Relative Residual Norm = ",
    "fom": LAST,
}
_TIMED = {"PCG Setup:": "setup_s", "PCG Solve:": "solve_s", "GMRES Setup:": "setup_s"}
_TIMED |= {"GMRES Solve:": "solve_s"}
_SECONDS = re.compile(rf"\s*wall clock time = {_NUMBER} seconds")


@dataclass(frozen=True, kw_only=True)
class AmgOutput:
    """One run."""

    problem: int
    cells: tuple[int, int, int]
    processes: tuple[int, int, int]
    iterations: int
    residual: float
    fom: float
    setup_s: float
    solve_s: float


def parse(lines: Iterable[str]) -> AmgOutput:
    """The only run in a log; ParseError naming what is missing or duplicated."""
    read: dict[str, tuple[str, ...]] = {}
    timed: str | None = None
    begun = 0
    for line in map(str.rstrip, plain(lines, begin=FIRST)):
        begun += line == FIRST
        for name, pattern in _LINES.items():
            if given := pattern.fullmatch(line):
                _once(read, name, given.groups())
            elif line.startswith(_BEGINNINGS.get(name, "\n")):
                raise ParseError(f"the line with {name} of AMG2023 is not whole: {shown(line)}")
        if line in _TIMED:
            timed = _TIMED[line]
        elif timed and (given := _SECONDS.fullmatch(line)):
            _once(read, timed, given.groups())
            timed = None
    if not begun:
        raise ParseError(f"no {FIRST!r}: AMG2023 did not start")
    return AmgOutput(
        problem=int(_number(read, "problem")),
        cells=_triple(read, "cells"),
        processes=_triple(read, "processes"),
        iterations=int(_number(read, "iterations")),
        residual=_number(read, "residual"),
        fom=_number(read, "fom"),
        setup_s=_number(read, "setup_s"),
        solve_s=_number(read, "solve_s"),
    )


def _once(read: dict[str, tuple[str, ...]], name: str, values: tuple[str, ...]) -> None:
    if name in read:
        raise ParseError(f"{name} stands twice: give the log of one run of AMG2023")
    read[name] = values


def _number(read: dict[str, tuple[str, ...]], name: str) -> float:
    if name not in read:
        raise ParseError(f"no {name}: the output of AMG2023 is not whole")
    value = float(read[name][0])
    if not math.isfinite(value):
        raise ParseError(f"{name} of AMG2023 is not finite: {read[name][0]}")
    return value


def _triple(read: dict[str, tuple[str, ...]], name: str) -> tuple[int, int, int]:
    _number(read, name)
    x, y, z = map(int, read[name])
    return x, y, z
