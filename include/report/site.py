"""A static page of studies, with their reports and a badge: for any web server, without Airflow."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from include.report.digest import FILE, read_digest
from include.report.pages import StudyLine, render_site
from include.results import Results

if TYPE_CHECKING:
    from include.report.digest import Digest
    from include.results import Location

COPIED = ("report.html", "records.csv", "summary.csv", "summary.md", FILE)
_BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{text}">
<rect width="{left}" height="20" fill="#555"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">
<text x="6" y="14">{label}</text><text x="{at}" y="14">{value}</text></g></svg>
"""
_LETTER = 6.6  # pixels of a letter at this size


def write_site(root: Location, target: Results) -> tuple[str, ...]:
    """Copy every finished study of a results folder into a site; returns their names.

    Of each its report, tables and digest; logs and manifests stay where they are.
    """
    lines = []
    for path in sorted(root.glob(f"*/{FILE}"), key=str):
        name = str(path).rsplit("/", 2)[-2]
        results = Results(root / name)
        if (digest := read_digest(results)) is None:
            continue
        for file in COPIED:
            if (content := results.find_bytes(file)) is not None:
                target.write_bytes(f"{name}/{file}", content)
        target.write_text(f"{name}/badge.svg", badge(digest))
        lines.append(
            StudyLine(
                study_id=name,
                dag_id="",
                run_id="",
                planned_at=digest.began_at,
                points=digest.planned,
                state=None,
                digest=digest,
            )
        )
    lines.sort(key=lambda line: str(line.planned_at or ""), reverse=True)
    target.write_text("index.html", render_site(lines))
    return tuple(line.study_id for line in lines)


def badge(digest: Digest) -> str:
    """The study's result as a picture for a README: what a verdict says, or that there is none."""
    colour = "#4c8c2b" if digest.is_verdict and not digest.simulated else "#9f6f00"
    label, value = "operator benchmark", digest.verdict
    left, right = (round(12 + _LETTER * len(text)) for text in (label, value))
    return _BADGE.format(
        width=left + right,
        left=left,
        right=right,
        at=left + 6,
        colour=colour,
        label=escape(label),
        value=escape(value),
        text=escape(f"{label}: {value}"),
    )
