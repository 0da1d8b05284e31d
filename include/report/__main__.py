"""`opbench report`: writes the report of a finished study again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from upath import UPath

from include.analysis import table
from include.report.arguments import parser
from include.report.content import read_content
from include.report.write import REPORT, summary_of, write_content, write_report
from include.results import PLAN, Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.report.write import ReportSummary


class _Refused(Exception):
    """Invalid input; the text is for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every planned point is valid, 1 when some are not, 2 without a study's folder."""
    given = parser().parse_args(arguments)
    results = Results(UPath(given.results))
    try:
        written = _write(results, against=given.against, title=given.title)
    except _Refused as err:
        sys.stderr.write(f"error: {err}\n")
        return 2
    if given.json:
        sys.stdout.write(written.model_dump_json(indent=2) + "\n")
        return 0 if written.is_complete else 1
    sys.stdout.write(
        f"{written.text}{written.valid} of {written.planned} points valid; "
        f"report: {written.report}\n"
    )
    return 0 if written.is_complete else 1


def _write(results: Results, *, against: str | None, title: str | None) -> ReportSummary:
    if not results.exists(PLAN):
        raise _Refused(f"{results}: no plan.json; give the folder of one study")
    if against is None:
        return write_report(results, title=title)
    return _write_against(results, against, title=title)


def _write_against(results: Results, other: str, *, title: str | None) -> ReportSummary:
    folder = Results(UPath(other))
    if not folder.exists("records.parquet"):
        raise _Refused(f"{other}: no records.parquet; give a folder that a report was written to")
    try:
        others = table.from_parquet(folder.read_bytes("records.parquet"))
    except ValueError as err:
        raise _Refused(f"{other}/records.parquet: {err}") from err
    study_id = results.plan().study_id
    if study_id in set(others["study_id"]):
        raise _Refused(f"{other} has records of {study_id} itself; give another study")
    content = read_content(results, title=title, others=others)
    target = Results(results.path(f"against/{UPath(other).resolve().name}"))
    write_content(target, content)
    return summary_of(content, report=str(target.path(REPORT)))


if __name__ == "__main__":
    sys.exit(main())
