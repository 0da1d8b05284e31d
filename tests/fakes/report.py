"""A report that is quick: the real one loads pandas and draws for seconds."""

from __future__ import annotations

from include.models import Model


class ReportSummary(Model):
    report: str
    text: str = "summary"


def write_report(results):
    results.write_text("report.html", "report")
    return ReportSummary(report=str(results.path("report.html")))
