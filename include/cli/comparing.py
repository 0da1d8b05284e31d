"""`opbench compare`: B's measurements against A's, for the same operators and sizes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from include.analysis.intervals import LEVEL
from include.cli.records import read_frame
from include.report.pair import (
    ALIKE,
    BETTER,
    FEW,
    HEAD,
    WORSE,
    cells_of,
    compare_sets,
    mean_text,
    sentence,
)

if TYPE_CHECKING:
    import argparse


def run(given: argparse.Namespace) -> int:
    """Print the comparison; 1 when B is worse somewhere by at least `--least` percent."""
    before = read_frame(given.a, results=given.results)
    after = read_frame(given.b, results=given.results)
    rows = compare_sets(before, after, least_percent=given.least)
    names = (given.a, given.b)
    if given.json:
        sys.stdout.write(json.dumps({"a": given.a, "b": given.b, "rows": rows}, indent=2) + "\n")
    elif given.md:
        sys.stdout.write(markdown(rows, names=names, least_percent=given.least))
    else:
        sys.stdout.write(_table(rows))
    return int(any(row["outcome"] == WORSE for row in rows))


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [HEAD, *map(cells_of, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )
    return f"{text}{mean_text(rows)}\n{sentence(rows)}\n"


def markdown(rows: list[dict[str, Any]], *, names: tuple[str, str], least_percent: float) -> str:
    """A comment for a pull request."""
    is_worse = any(row["outcome"] == WORSE for row in rows)
    mark = ":x:" if is_worse else ":white_check_mark:"
    marks = {WORSE: ":x:", BETTER: ":rocket:", ALIKE: "~", FEW: "?"}
    head = ["", *HEAD]
    foot = (
        f"Medians; in brackets the {100 * LEVEL:.0f} % bootstrap interval of the difference. "
        f"Marked: p below 5 % after Holm, an interval without 0, and {least_percent:g} % or more; "
        "~: not told apart."
    )
    lines = [
        f"### {mark} {sentence(rows)}",
        "",
        f"A: `{names[0]}`, B: `{names[1]}`; {mean_text(rows)}.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * 3}{'---:|' * (len(head) - 3)}",
        *(f"| {' | '.join((marks[row['outcome']], *cells_of(row)))} |" for row in rows),
        "",
        foot,
    ]
    return "\n".join(lines) + "\n"
