"""Arguments of the programs on nights, apart from them: they take seconds to load."""

from __future__ import annotations

import argparse

_HISTORY = """\
Finds regressions in a history of nights: `opbench regression HISTORY.csv --json`.

HISTORY.csv has the columns night, group, value: a row per repeat. A night is a whole number or a
date, a value is a time in one unit. Without --json a table is printed.

Exit code: 0 without a confirmed regression, 1 with one, 2 for a history that cannot be analysed.
A suspect (one slow night) and an improvement are listed, but are not regressions.
"""
_SERIES = """\
Acknowledges a change, pins the baseline, or writes the history of a nightly study as CSV.

`opbench series RESULTS SERIES acknowledge GROUP NIGHT --reason TEXT`, or `pin
NIGHT --reason TEXT`, `unpin`, `export`. RESULTS is the results location, SERIES a name of
`include/study/presets/nightly.yaml`.
"""


def history_parser() -> argparse.ArgumentParser:
    """The arguments of `opbench regression`."""
    parser = argparse.ArgumentParser(
        prog="opbench regression",
        description=_HISTORY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("history", metavar="HISTORY.csv", help="a row per repeat; - reads stdin")
    parser.add_argument("--json", action="store_true", help="print an object instead of a table")
    parser.add_argument(
        "--acknowledged",
        metavar="FILE",
        help="JSON list of changes that are known: objects with group, night, reason",
    )
    return parser


def series_parser() -> argparse.ArgumentParser:
    """The arguments of `opbench series`."""
    parser = argparse.ArgumentParser(
        prog="opbench series",
        description=_SERIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", help="the results location, a folder or its URL")
    parser.add_argument("series", help="name of the nightly study")
    what = parser.add_subparsers(dest="what", required=True)
    acknowledge = what.add_parser("acknowledge", help="a change that is known alarms no more")
    acknowledge.add_argument("group")
    acknowledge.add_argument("night", help="in which the change began; a few nights off will do")
    acknowledge.add_argument("--reason", required=True)
    pin = what.add_parser("pin", help="compare later nights with those up to this one")
    pin.add_argument("night")
    pin.add_argument("--reason", required=True)
    what.add_parser("unpin", help="compare with the last nights again")
    export = what.add_parser("export", help="print the history as CSV")
    export.add_argument("--quantity", help="a column of the records; else the figure of merit")
    return parser
