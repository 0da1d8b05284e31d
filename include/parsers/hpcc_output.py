"""The output of HPC Challenge (`hpccoutf.txt`, release 1.5): its summary and its checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.line_prefixes import plain
from include.parsers.lines import shown
from include.parsers.name_values import NameValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIRST = "This is the DARPA/DOE HPC Challenge Benchmark"
BEGIN, END = "Begin of Summary section.", "End of Summary section."
LAST = "End of HPC Challenge tests."
_VALUE = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(\S*)")
_RESIDUAL = re.compile(r"\|\|Ax-b\|\|.*\.\.\.\.\.\. (PASSED|FAILED)")
_PTRANS = re.compile(r"(?:WALL|CPU)\s.*\s(PASSED|FAILED)\s.*")


@dataclass(frozen=True, kw_only=True)
class HpccOutput:
    """One run's summary, and its failed tests."""

    summary: NameValues
    failed: tuple[str, ...]


def parse(lines: Iterable[str]) -> HpccOutput:
    """The summary of the only run in a log; ParseError when it is incomplete or duplicated."""
    output = [line.rstrip() for line in plain(lines, begin=FIRST)]
    residuals = [test[1] for line in output if (test := _RESIDUAL.fullmatch(line))]
    transposes = [test[1] for line in output if (test := _PTRANS.fullmatch(line))]
    if not residuals:
        raise ParseError("no residual of HPL: HPC Challenge did not come to its result")
    tests = {"HPL": residuals, "PTRANS": transposes}
    summary = NameValues(program="HPC Challenge", texts=_summary(output))
    failed = tuple(name for name, results in tests.items() if "FAILED" in results)
    return HpccOutput(summary=summary, failed=failed)


def _summary(output: Sequence[str]) -> dict[str, str]:
    for mark in (BEGIN, END, LAST):
        if output.count(mark) != 1:
            times = output.count(mark)
            why = "give one run's log each" if times else "the output is not whole"
            raise ParseError(f"{mark!r} stands {times} times in the log of HPC Challenge: {why}")
    texts: dict[str, str] = {}
    for line in output[output.index(BEGIN) + 1 : output.index(END)]:
        _add(texts, line)
    return texts


def _add(texts: dict[str, str], line: str) -> None:
    given = _VALUE.fullmatch(line)
    if given is None:
        raise ParseError(f"a line of HPC Challenge's summary is not whole: {shown(line)}")
    if given[1] in texts:
        raise ParseError(f"{given[1]} stands twice in HPC Challenge's summary")
    texts[given[1]] = given[2]
