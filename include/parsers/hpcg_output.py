"""The report of HPCG 3 (`HPCG-Benchmark_3.1_….txt`): lines `Section::Name=value`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.line_prefixes import plain
from include.parsers.name_values import NameValues

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = "HPCG-Benchmark"
RATING = "Final Summary::HPCG result is VALID with a GFLOP/s rating of"
LAST = "Final Summary::Official results execution time (sec) must be at least"
_VALUE = re.compile(r"([^=]+)=(.*)")
_RESULT = "::Result"
CHECKS = ("Spectral Convergence Tests", "Departure from Symmetry", "Iteration Count Information")


@dataclass(frozen=True, kw_only=True)
class HpcgOutput:
    """One run's report, and its failed tests."""

    values: NameValues
    failed: tuple[str, ...]


def parse(lines: Iterable[str]) -> HpcgOutput:
    """The report of the only run in a log; ParseError when it is incomplete or duplicated."""
    texts: dict[str, str] = {}
    begun = 0
    for line in map(str.rstrip, plain(lines, begin=FIRST)):
        begun += line == FIRST
        if begun and (given := _VALUE.fullmatch(line)):
            texts[given[1]] = given[2]
    if begun != 1:
        raise ParseError(
            f"{begun} reports of HPCG in one log: give one run's log each"
            if begun
            else f"no line {FIRST!r}: the report of HPCG is not in the log"
        )
    results = {name: text for name, text in texts.items() if name.endswith(_RESULT)}
    for check in CHECKS:
        if not any(name.startswith(check) for name in results):
            raise ParseError(f"no result of {check!r}: the report of HPCG is not whole")
    failed = [name.removesuffix(_RESULT) for name, text in results.items() if text != "PASSED"]
    if any(name.startswith("Final Summary::HPCG result is INVALID") for name in texts):
        failed.append("the whole result, INVALID by HPCG")
    elif RATING not in texts:
        raise ParseError(f"no {RATING!r}: the report of HPCG is not whole")
    return HpcgOutput(values=NameValues(program="HPCG", texts=texts), failed=tuple(failed))
