"""The table of one OSU micro-benchmark: a value over message size.

Two columns behind `# OSU … Test vX`, as `osu_latency`, `osu_bw`, `osu_allreduce` and the one-sided
ones print them (releases 5 to 7). Further columns, as with `-f`, are passed over. Values have two
decimals, so a cut one is told from a whole one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.lines import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TITLE = re.compile(r"# (OSU .+?) Test v(\S+)\s*")
_HEAD = re.compile(r"# Size\s+(?:Avg )?(Latency|Bandwidth)\s*\((us|MB/s)\).*")
_ROW = re.compile(r"([0-9]+)\s+([0-9]+\.[0-9]{2})(?:\s+\S.*)?")
_FAILED = re.compile(r"\bFail\s*$")


@dataclass(frozen=True, kw_only=True)
class OsuTable:
    """One benchmark's table."""

    benchmark: str  # `OSU MPI Allreduce Latency`
    version: str
    is_bandwidth: bool  # in MB/s; else a latency in microseconds
    values: Mapping[int, float]  # by message size in bytes


def parse(lines: Iterable[str]) -> OsuTable:
    """The only table in a log; ParseError without one, with several, or with a line that is cut."""
    tables: list[OsuTable] = []
    title: re.Match[str] | None = None
    rows: dict[int, float] | None = None
    for line in lines:
        if started := _TITLE.fullmatch(line.rstrip()):
            title, rows = started, None
        elif title and (head := _HEAD.fullmatch(line.rstrip())):
            rows = {}
            tables.append(_table(title, head, rows))
        elif rows is not None and line[:1].isdigit():
            _add(rows, line)
        elif rows:
            rows = None
    return _only(tables)


def _table(title: re.Match[str], head: re.Match[str], rows: dict[int, float]) -> OsuTable:
    return OsuTable(
        benchmark=title[1], version=title[2], is_bandwidth=head[1] == "Bandwidth", values=rows
    )


def _add(rows: dict[int, float], line: str) -> None:
    row = _ROW.fullmatch(line.rstrip())
    if row is None:
        raise ParseError(f"a row of the OSU table is not whole: {shown(line)}")
    if _FAILED.search(line):
        raise ParseError(f"OSU's own validation failed: {shown(line)}")
    size, value = int(row[1]), float(row[2])
    if rows and size <= max(rows):
        raise ParseError(f"message size {size} does not follow {max(rows)}: rows are missing")
    rows[size] = value


def _only(tables: list[OsuTable]) -> OsuTable:
    if len(tables) > 1:
        raise ParseError(f"{len(tables)} OSU tables in one log: give one run's log each")
    if not tables:
        raise ParseError("no OSU table with a value over message size: the benchmark did not start")
    if not tables[0].values:
        raise ParseError("the OSU table has no row: its output is not whole")
    return tables[0]
