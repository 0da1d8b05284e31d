"""Writes everything made from a study's records into the study's folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include.analysis import table
from include.analysis.labels import operator_title
from include.models import Model
from include.report import digest
from include.report.content import read_content
from include.report.digest import Digest
from include.report.html import render_html
from include.report.markdown import render_markdown
from include.report.text import summary_text
from include.report.verdict_text import headline_text

if TYPE_CHECKING:
    import pandas as pd

    from include.report.content import Content
    from include.report.drawing import Drawing
    from include.results import Results

_log = logging.getLogger(__name__)
REPORT = "report.html"
MARKDOWN = "summary.md"


class ReportSummary(Model):
    """A report's result in numbers, small enough for XCom."""

    study_id: str
    report: str  # address of the page
    planned: int
    recorded: int
    valid: int  # warm-ups included
    failed: tuple[str, ...]  # ids of points
    invalid: tuple[str, ...]
    lost: tuple[str, ...]  # planned, without a readable record
    simulated: bool
    headline: str  # the report's first sentences and its verdicts, for a note
    text: str  # the summary table for a terminal

    @property
    def is_complete(self) -> bool:
        """True if every planned point has a valid record."""
        return self.valid == self.planned


def write_report(
    results: Results, *, title: str | None = None, run_link: str | None = None
) -> ReportSummary:
    """Write tables, figures and `report.html`, and return their numbers.

    Also works for a study without records, or without a cluster. FileNotFoundError without a
    `plan.json`. Files of an earlier report are replaced.
    """
    content = read_content(results, title=title, run_link=run_link)
    write_content(results, content)
    written = summary_of(content, report=str(results.path(REPORT)))
    _log.info(
        "report of %s: %d of %d points valid", written.study_id, written.valid, written.planned
    )
    return written


def write_content(results: Results, content: Content) -> None:
    """Write the tables, figures, page and Markdown of a report into a folder."""
    analysis = content.analysis
    results.write_bytes("records.parquet", table.to_parquet(content.records))
    results.write_bytes("records.csv", table.to_csv(content.records))
    tables = {
        "summary": analysis.summary,
        "comparisons": analysis.comparisons,
        "drift": analysis.drifts,
        "scaling": analysis.scaling,
    }
    if len(analysis.curves):
        tables |= {"curves": analysis.curves, "curve_pairs": analysis.curve_pairs}
    for name, frame in tables.items():
        results.write_bytes(f"{name}.csv", table.to_csv(plain(frame)))
    for drawing in (*content.drawings, *content.originals):
        _write_drawing(results, drawing)
    results.write_text(REPORT, render_html(content))
    results.write_text(MARKDOWN, render_markdown(content))
    results.write_json(digest.FILE, digest_of(content).to_json())


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without columns that distinguish nothing: one problem, one unit.

    Where all differences are in seconds, their column names end with the unit.
    """
    plain = frame.drop(columns="problem") if frame["problem"].eq("").all() else frame
    if "unit" not in plain or not plain["unit"].eq("s").all():
        return plain
    names = {name: f"{name}_s" for name in ("difference", "low", "high")}
    return plain.drop(columns="unit").rename(columns=names)


def _write_drawing(results: Results, drawing: Drawing) -> None:
    results.write_bytes(f"figures/{drawing.name}.svg", drawing.svg)
    results.write_bytes(f"figures/{drawing.name}.png", drawing.png)


def digest_of(content: Content) -> Digest:
    """The result in a few lines, for lists of studies."""
    frame, shown = content.records, content.answer
    operators = dict.fromkeys(content.analysis.frame["k8s_operator"])
    nodes = sorted({int(each) for each in frame["nodes"].dropna()})
    return Digest(
        name=content.identity,
        kind=content.kind,
        application=", ".join(dict.fromkeys(frame["application"].dropna())),
        operators=tuple(operator_title(name) for name in operators),
        nodes=tuple(nodes),
        cluster=", ".join(dict.fromkeys(frame["cluster"].dropna())),
        simulated=content.tally.simulated,
        began_at=content.when.began_at,
        ended_at=content.when.ended_at,
        planned=content.tally.planned,
        valid=content.tally.valid,
        usd=content.cost.usd if content.cost else None,
        node_s=content.cost.node_s if content.cost else None,
        is_verdict=shown.is_verdict,
        effect=shown.effect,
        cause=shown.cause,
        cost=content.costs.sentence() if content.costs else "",
        settle=shown.settle,
    )


def summary_of(content: Content, *, report: str) -> ReportSummary:
    """The report's result in numbers."""
    tally = content.tally
    ids = {
        outcome: tuple(t.point_id for t in tally.troubles if t.outcome == outcome)
        for outcome in ("failed", "invalid", "lost")
    }
    return ReportSummary(
        study_id=content.identity,
        report=report,
        planned=tally.planned,
        recorded=tally.recorded,
        valid=tally.valid,
        simulated=tally.simulated,
        headline=headline_text(content),
        text=summary_text(content.analysis),
        **ids,
    )
