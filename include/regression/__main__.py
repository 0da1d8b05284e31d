"""`opbench regression`: finds regressions in a history of nights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from include.errors import problems
from include.regression import text
from include.regression.arguments import history_parser
from include.regression.findings import Acknowledgement, examine
from include.regression.history_csv import read_history
from include.regression.series import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE, CONFIRMED, BAD_INPUT = 0, 1, 2
_WORDS: TypeAdapter[tuple[Acknowledgement, ...]] = TypeAdapter(tuple[Acknowledgement, ...])


def main(arguments: Sequence[str] | None = None) -> int:
    """0 without a confirmed regression, 1 with one, 2 for bad input."""
    given = history_parser().parse_args(arguments)
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
