"""Writes the report of a finished study again.

With `--against OTHER`, a folder with a `records.parquet` (another study, or imported runs), it
writes a comparison of both into `against/<OTHER's name>` of the study's folder instead.
"""

from __future__ import annotations

import argparse


def parser() -> argparse.ArgumentParser:
    """The arguments of `opbench report`; apart from the program, which takes seconds to load."""
    parser = argparse.ArgumentParser(prog="opbench report", description=__doc__)
    parser.add_argument("results", help="folder of one study (the one with plan.json), or its URL")
    parser.add_argument("--title", help="the report's heading")
    parser.add_argument("--against", metavar="OTHER", help="records to compare the study with")
    parser.add_argument("--json", action="store_true", help="print its numbers as a JSON object")
    return parser
