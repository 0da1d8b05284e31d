"""A static page of studies and trends, with reports and badges: for any web server, no Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from pydantic import ValidationError

from include.regression import FOLDER, trend_models, trend_page
from include.regression.trend_models import Trend
from include.report.digest import FILE, read_digest
from include.report.pages import StudyLine, TrendLine, render_site, without_local_links
from include.results import Results

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from include.regression.trend_models import Mark, Point
    from include.report.digest import Digest
    from include.results import Location

COPIED = ("report.html", "records.csv", "summary.csv", "summary.md", FILE)
BADGE = "badge.svg"
GOOD, OPEN, BAD = "#4c8c2b", "#9f6f00", "#b00020"
_BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{text}">
<rect width="{left}" height="20" fill="#555"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">
<text x="6" y="14">{label}</text><text x="{at}" y="14">{value}</text></g></svg>
"""
_LETTER = 6.6  # pixels of a letter at this size


@dataclass(frozen=True, kw_only=True)
class Site:
    """The written pages."""

    studies: tuple[str, ...]
    series: tuple[str, ...]


def write_site(root: Location, target: Results) -> Site:
    """Copy the finished studies and the trends of a results folder into a site.

    Copies each study's report, tables and digest; logs and manifests stay where they are. The
    folder may also be that of one study or import. `badge.svg` beside the first page is the newest
    study's; simulated ones only count where there are no others.
    """
    lines = sorted(_studies(root, target), key=lambda line: str(line.planned_at or ""))[::-1]
    names = tuple(line.study_id for line in lines)
    trends = tuple(_trends(root, target, studies=names))
    if digests := [line.digest for line in lines if line.digest]:
        newest = next((each for each in digests if not each.simulated), digests[0])
        target.write_text(BADGE, badge_of_study(newest))
    target.write_text("index.html", render_site(lines, trends))
    return Site(studies=names, series=tuple(trend.series for trend in trends))


def _studies(root: Location, target: Results) -> Iterator[StudyLine]:
    for name, folder in _folders(root):
        results = Results(folder)
        if (digest := read_digest(results)) is None:
            continue
        for file in COPIED:
            if (content := results.find_bytes(file)) is not None:
                target.write_bytes(f"{name}/{file}", _shared(file, content))
        target.write_text(f"{name}/{BADGE}", badge_of_study(digest))
        yield StudyLine(
            study_id=name,
            dag_id="",
            run_id="",
            planned_at=digest.began_at,
            points=digest.planned,
            state=None,
            digest=digest,
        )


def _shared(file: str, content: bytes) -> bytes:
    """The file as published: the report has no links to logs, as none are copied."""
    if not file.endswith(".html"):
        return content
    return without_local_links(content.decode()).encode()


def _folders(root: Location) -> Iterator[tuple[str, Location]]:
    """Name and place of everything with a digest: the folder itself, and the folders in it."""
    if Results(root).exists(FILE):
        yield str(root).rstrip("/").rsplit("/", 1)[-1], root
    for path in sorted(root.glob(f"*/{FILE}"), key=str):
        name = str(path).rsplit("/", 2)[-2]
        yield name, root / name


def _trends(root: Location, target: Results, *, studies: Collection[str]) -> Iterator[TrendLine]:
    """A page and a badge per nightly series; nights lead to the reports that the site has."""

    def link(point: Point) -> str:
        return trend_page.link_in_results(point) if point.study_id in studies else ""

    for path in sorted((root / FOLDER).glob(f"*/{trend_models.FILE}"), key=str):
        try:
            trend = Trend.model_validate_json(path.read_bytes())
        except ValidationError:  # of another version
            continue
        folder, line = f"{FOLDER}/{trend.series}", _line(trend)
        page = trend_page.render(trend, title=f"Trend of {trend.series}", link=link)
        target.write_text(f"{folder}/{trend_models.PAGE}", page)
        colour = BAD if line.is_slower else GOOD if line.nights else OPEN
        target.write_text(f"{folder}/{BADGE}", badge(trend.series, line.state, colour=colour))
        yield line


def _line(trend: Trend) -> TrendLine:
    nights = sorted({point.night for group in trend.groups for point in group.points})
    slower = [mark for group in trend.groups if (mark := _slower(group.marks)) is not None]
    since = min((mark.night for mark in slower), default=None)
    quiet = f"no slowdown in {len(nights)} nights" if nights else "no night yet"
    return TrendLine(
        series=trend.series,
        groups=len(trend.groups),
        nights=len(nights),
        last_night=nights[-1] if nights else None,
        state=f"slower since {since}" if since else quiet,
        is_slower=since is not None,
        simulated=any(group.simulated for group in trend.groups),
    )


def _slower(marks: tuple[Mark, ...]) -> Mark | None:
    """The level that lasts, where it is worse than the one before and nobody has explained it."""
    last = marks[-1] if marks else None
    return last if last and trend_page.kind_of(last) == "regression" else None


def badge_of_study(digest: Digest) -> str:
    """The study's result as a picture for a README: what a verdict says, or that there is none."""
    colour = GOOD if digest.is_verdict and not digest.simulated else OPEN
    return badge("operator benchmark", digest.verdict, colour=colour)


def badge(label: str, value: str, *, colour: str) -> str:
    """Two words in a picture."""
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
