"""A report that is quick: the real one loads pandas and draws for seconds."""

from __future__ import annotations

from include.models import Model


class ReportSummary(Model):
    study_id: str
    report: str
    headline: str = "What the fake report says."
    text: str = "summary"


def write_report(results, *, run_link=None):
    results.write_text("report.html", "report")
    return ReportSummary(study_id=results.plan().study_id, report=str(results.path("report.html")))
