"""The table of one OSU micro-benchmark: a value per message size.

Two columns after `# OSU … Test vX`, as printed by `osu_latency`, `osu_bw`, `osu_allreduce` and the
one-sided ones (releases 5 to 7). Further columns, as with `-f`, are ignored. Values have two
decimals, which distinguishes a cut one from a complete one. Sizes double, which distinguishes a
further row from other output where something else stands between the rows.
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

FIRST = "# OSU"
_TITLE = re.compile(r"# (OSU .+?) Test v(\S+)\s*")
_HEAD = re.compile(r"# Size\s+(?:Avg )?(Latency|Bandwidth)\s*\((us|MB/s)\).*")
_ROW = re.compile(r"([0-9]+)\s+([0-9]+\.[0-9]{2})(?:\s+\S.*)?")
# Tests between two processes: point to point, and one-sided (`OSU MPI_Get Latency Test`).
_PAIR = re.compile(
    r"OSU MPI(?:_\S+ .*|(?:-\w+)?(?: Persistent)? (?:Latency|(?:Bi-Directional )?Bandwidth))",
    re.IGNORECASE,
)
PAIR_RANKS = 2
_FAILED = re.compile(r"\bFail\s*$")


@dataclass(frozen=True, kw_only=True)
class OsuTable:
    """One benchmark's table."""

    benchmark: str  # `OSU MPI Allreduce Latency`
    version: str
    is_bandwidth: bool  # True: MB/s; False: a latency in microseconds
    values: Mapping[int, float]  # keyed by message size in bytes

    @property
    def ranks(self) -> int | None:
        """Ranks of a test between two; None for others, which do not print them."""
        return PAIR_RANKS if _PAIR.fullmatch(self.benchmark) else None


def parse(lines: Iterable[str]) -> OsuTable:
    """The only table in a log; ParseError for none, several, or a cut line."""
    tables: list[OsuTable] = []
    title: re.Match[str] | None = None
    rows: dict[int, float] | None = None
    is_interrupted = False
    for line in map(str.rstrip, plain(lines, begin=FIRST)):
        if started := _TITLE.fullmatch(line):
            title, rows = started, None
        elif title and (head := _HEAD.fullmatch(line)):
            rows, is_interrupted = {}, False
            tables.append(_table(title, head, rows))
        elif rows is not None and line[:1].isdigit():
            if not is_interrupted or _goes_on(rows, line):
                _add(rows, line)
        elif rows:
            is_interrupted = True
    return _only(tables, title=title)


def _table(title: re.Match[str], head: re.Match[str], rows: dict[int, float]) -> OsuTable:
    return OsuTable(
        benchmark=title[1], version=title[2], is_bandwidth=head[1] == "Bandwidth", values=rows
    )


def _goes_on(rows: dict[int, float], line: str) -> bool:
    """True for the next row, after other output; ParseError for a later one."""
    row, following = _ROW.fullmatch(line), 2 * max(rows) or 1
    if row and int(row[1]) > following:
        raise ParseError(f"message size {row[1]} instead of {following}: rows are missing")
    return row is not None


def _add(rows: dict[int, float], line: str) -> None:
    row = _ROW.fullmatch(line)
    if row is None:
        raise ParseError(f"a row of the OSU table is not whole: {shown(line)}")
    if _FAILED.search(line):
        raise ParseError(f"OSU's own validation failed: {shown(line)}")
    size, value = int(row[1]), float(row[2])
    if rows and size <= max(rows):
        raise ParseError(f"message size {size} does not follow {max(rows)}: rows are missing")
    rows[size] = value


def _only(tables: list[OsuTable], *, title: re.Match[str] | None) -> OsuTable:
    if len(tables) > 1:
        raise ParseError(f"{len(tables)} OSU tables in one log: give one run's log each")
    if not tables and title:
        raise ParseError(
            f"no OSU table of a latency (us) or a bandwidth (MB/s) over message size from the "
            f"{title[1]} Test: its output is not whole, or of a form that is not read"
        )
    if not tables:
        raise ParseError("no OSU table with a value over message size: the benchmark did not start")
    if not tables[0].values:
        raise ParseError("the OSU table has no row: its output is not whole")
    return tables[0]
