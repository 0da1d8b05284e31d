"""Finds regressions in a history of nights: `python -m include.regression HISTORY.csv --json`.

HISTORY.csv has the columns night, group, value: a row per repeat. A night is a whole number or a
date, a value is a time in one unit. Without --json a table is printed.

Exit code: 0 when no regression is confirmed, 1 when one is, 2 for a history that cannot be
analysed. A suspect (one slow night) and an improvement are listed, and are no regression.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from include.errors import problems
from include.regression import text
from include.regression.findings import Acknowledgement, examine
from include.regression.history_csv import read_history
from include.regression.series import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE, CONFIRMED, BAD_INPUT = 0, 1, 2
_WORDS: TypeAdapter[tuple[Acknowledgement, ...]] = TypeAdapter(tuple[Acknowledgement, ...])


def main(arguments: Sequence[str] | None = None) -> int:
    """0 without a confirmed regression, 1 with one, 2 for bad input."""
    given = _parser().parse_args(arguments)
    try:
        acknowledged = _read_words(given.acknowledged) if given.acknowledged else ()
        history = read_history(_read(given.history), source=given.history)
    except HistoryError as err:
        sys.stderr.write(f"error: {err}\n")
        return BAD_INPUT
    findings = examine(history, acknowledged=acknowledged)
    if given.json:
        sys.stdout.write(json.dumps(text.to_json(findings), indent=2) + "\n")
        sys.stderr.writelines(f"{line}\n" for line in text.sentences(findings))
    else:
        sys.stdout.write(text.to_table(findings))
    return CONFIRMED if findings.has_regression else NONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.regression",
        description=__doc__,
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


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as err:
        raise HistoryError(f"{name} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise HistoryError(f"{name} is no UTF-8 text: give a CSV file") from err


def _read_words(name: str) -> tuple[Acknowledgement, ...]:
    try:
        return _WORDS.validate_json(_read(name))
    except ValidationError as err:
        problem = problems(err)[0]
        raise HistoryError(f"{name}: {problem.place}: {problem.message}") from err


if __name__ == "__main__":
    sys.exit(main())
