"""Imports runs recorded by other tools, and reports on them as on a study of our own.

Finds the experiments in the folders, for any tool, and writes records, tables, figures and a
report. What cannot be read becomes an invalid record with its reason; the rest is imported.
"""

from __future__ import annotations

import argparse

from include.recorded_runs import layout_names

PATHS = "paths"  # the layout that takes a pattern


def parser() -> argparse.ArgumentParser:
    """The arguments of `opbench import`; apart from the program, which takes seconds to load."""
    parser = argparse.ArgumentParser(prog="opbench import", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folder with experiments")
    parser.add_argument("--out", required=True, help="folder, or its URL, to write into")
    parser.add_argument("--title", default="Recorded runs compared", help="the report's heading")
    parser.add_argument(
        "--published-rule",
        action="store_true",
        help="count what the published figures count: only folders with _ are warm-ups",
    )
    parser.add_argument(
        "--layout", help=f"read this layout only: {', '.join(layout_names())}", metavar="NAME"
    )
    parser.add_argument(
        "--pattern",
        help=f"with --layout {PATHS}: where in a log's path its factors stand, such as "
        "'…/{arm}/lammps-{nodes}-{ranks}-{repeat}.out'; … is any folder",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="list each file that was not read, and why"
    )
    parser.add_argument(
        "--published-figures",
        action="store_true",
        help="add the figures in the definitions of 2023, to be laid beside the published ones",
    )
    parser.add_argument(
        "--hourly-price-usd", type=float, metavar="USD", help="of one node, for the cost"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as a JSON object")
    return parser
