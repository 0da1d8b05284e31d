"""The output of NetPIPE 3 (`NPmpi`, Debian's `NPopenmpi`): throughput and time by message size.

`  5:       8 bytes   7939 times -->      6.86 Mbps in       8.90 usec`, a row per message size; the
time is one-way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.line_prefixes import plain
from include.parsers.lines import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIRST = "Now starting the main loop"
_BEGINNING = re.compile(r"\s*([0-9]+):\s+[0-9]+ bytes")
_ROW = re.compile(
    r"\s*([0-9]+):\s+([0-9]+) bytes\s+[0-9]+ times -->\s+([0-9]+\.[0-9]{2}) Mbps"
    r" in\s+([0-9]+\.[0-9]{2}) usec"
)


@dataclass(frozen=True, kw_only=True)
class NetpipeOutput:
    """One run."""

    latency_us: Mapping[int, float]  # keyed by message size in bytes
    mbit_per_s: Mapping[int, float]


def parse(lines: Iterable[str]) -> NetpipeOutput:
    """The rows of the only run in a log; ParseError when one is cut or missing."""
    latency: dict[int, float] = {}
    throughput: dict[int, float] = {}
    begun = expected = 0
    for line in plain(lines, begin=FIRST):
        begun += line.startswith(FIRST)
        beginning = _BEGINNING.match(line)
        if begun != 1 or beginning is None:
            continue
        row = _ROW.fullmatch(line.rstrip())
        if row is None:
            raise ParseError(f"a row of NetPIPE is not whole: {shown(line)}")
        if int(row[1]) != expected:
            raise ParseError(f"row {row[1]} of NetPIPE instead of {expected}: rows are missing")
        expected += 1
        throughput[int(row[2])], latency[int(row[2])] = float(row[3]), float(row[4])
    if begun != 1:
        raise ParseError(
            "two runs of NetPIPE in one log: give one run's log each"
            if begun
            else f"no {FIRST!r}: NetPIPE did not start"
        )
    if not latency:
        raise ParseError("NetPIPE has no row: its output is not whole")
    return NetpipeOutput(latency_us=latency, mbit_per_s=throughput)
