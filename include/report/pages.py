"""The pages around a report in Airflow's UI: its files, a study without one, the list of studies.

They have no script and load nothing: styles are inline. Links are relative, because only Airflow
knows its own address. No pandas here: a page must not take seconds to load it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import AwareDatetime

from include.cost.estimate import duration_text, usd_text
from include.models import DnsLabel, Model
from include.report.digest import Digest
from include.report.point_files import POINT_FILES, PointFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFRESH_S = 15  # reload interval for the page of a running study


class Download(StrEnum):
    """The downloads of a study."""

    REPORT = "report.html"
    RECORDS_PARQUET = "records.parquet"
    RECORDS_CSV = "records.csv"
    SUMMARY = "summary.csv"


MEDIA_TYPES = {
    Download.REPORT: "text/html; charset=utf-8",
    Download.RECORDS_PARQUET: "application/vnd.apache.parquet",
    Download.RECORDS_CSV: "text/csv; charset=utf-8",
    Download.SUMMARY: "text/csv; charset=utf-8",
}


_IN_THE_BAR = (PointFile.LOG, PointFile.MANIFEST, PointFile.EVENTS)
_LOCAL_LINK = re.compile(r'<a href="(?!#|https?:)[^"]*">(.*?)</a>')
_FILE_OF_A_POINT = re.compile(r'href="points/(?P<point>[-a-z0-9]+)/(?P<file>[a-z.]+)"')


class PointLine(Model):
    """A planned point in the list of a study's files."""

    point_id: DnsLabel
    title: str
    is_recorded: bool


class Files(Model):
    """The links in the bar above a report."""

    study_id: str
    address: str  # address of the study's folder
    run_id: str
    has_report: bool
    points: tuple[PointLine, ...]
    is_from_list: bool  # the reader came from the list, to which a link leads back
    has_trend: bool  # its DAG runs a study every night
    dag_id: str

    @property
    def recorded(self) -> int:
        """Number of points with a record."""
        return sum(point.is_recorded for point in self.points)

    @property
    def link(self) -> str:
        """Start of the links to files, relative to the page of the run."""
        return "./" + quote(self.run_id, safe="")


class TrendLink(Model):
    """A series of nights in the list of studies."""

    series: str
    dag_id: str

    @property
    def link(self) -> str:
        """Link from the list to its trend."""
        return f"./trend/{quote(self.dag_id, safe='')}"


class StudyLine(Model):
    """A study in the list."""

    study_id: str
    dag_id: str
    run_id: str
    planned_at: AwareDatetime | None
    points: int | None
    state: str | None  # state of the run; None for a run of another Airflow
    digest: Digest | None = None  # None before its report is written

    @property
    def text(self) -> str:
        """Searchable text of the line, in lower case."""
        digest = self.digest
        own = (self.study_id, self.dag_id, self.run_id, self.state or "")
        more = (*digest.operators, digest.cluster, digest.verdict, *digest.effect) if digest else ()
        return " ".join((*own, *more)).lower()

    @property
    def duration(self) -> str:
        """Duration of its runs, in minutes or hours; empty when unknown."""
        if self.digest is None or self.digest.duration_s is None:
            return ""
        return duration_text(self.digest.duration_s)

    @property
    def cost(self) -> str:
        """Dollars, or node-hours without a known price; empty before the report."""
        if self.digest is None or self.digest.node_s is None:
            return ""
        if self.digest.usd is not None:
            return usd_text(self.digest.usd)
        return f"{self.digest.node_s / 3600:,.2f} node-h"

    @property
    def link(self) -> str | None:
        """Link from the list to its report; None for an import without one."""
        if not self.run_id:  # an import
            return f"./imported/{quote(self.study_id, safe='')}" if self.digest else None
        place = f"./report/{quote(self.dag_id, safe='')}/{quote(self.run_id, safe='')}"
        return f"{place}?listed=true"


class TrendLine(Model):
    """A nightly series on a static site."""

    series: str
    groups: int
    nights: int
    last_night: str | None  # None before the first
    state: str  # text of its badge
    is_slower: bool
    simulated: bool


def render_report(report: str, files: Files, *, is_going: bool) -> str:
    """The page of a report with a bar of links above it, as one page with one scroll bar."""
    bar = _render("bar.html.j2", files=files, is_going=is_going)
    served = _FILE_OF_A_POINT.sub(lambda match: _served(match, files), report)
    before, body, after = served.partition("<body>")
    return before + body + bar + after if body else bar + served


def render_import(report: str) -> str:
    """The page of an import's report; its logs stay at their source, so there are no links."""
    back = '<p><a href="../studies">All studies</a></p>'
    return without_local_links(report).replace("<body>", f"<body>{back}", 1)


def without_local_links(report: str) -> str:
    """A report without its neighbouring files: links become plain text."""
    return _LOCAL_LINK.sub(r"\1", report)


def _served(match: re.Match[str], files: Files) -> str:
    """The link to a point's file on the server; in the folder it leads to the file."""
    name = next((each for each, (file, _) in POINT_FILES.items() if file == match["file"]), None)
    return f'href="{files.link}/points/{match["point"]}/{name}"' if name else match[0]


def render_notice(
    title: str, lines: Sequence[str], *, files: Files | None = None, is_going: bool = False
) -> str:
    """A page that explains why there is no report."""
    refresh = REFRESH_S if is_going else None
    return _render("notice.html.j2", title=title, lines=lines, files=files, refresh=refresh)


def render_studies(
    studies: Sequence[StudyLine],
    *,
    address: str,
    note: str | None = None,
    words: str = "",
    trends: Sequence[TrendLink] = (),
) -> str:
    """The list of studies; `address` is the default place of studies.

    `words` are the reader's filter: a study must contain all of them somewhere.
    """
    wanted = words.lower().split()
    shown = [study for study in studies if all(word in study.text for word in wanted)]
    return _render(
        "studies.html.j2",
        studies=shown,
        hidden=len(studies) - len(shown),
        address=address,
        note=note,
        words=words,
        trends=trends,
    )


def render_site(studies: Sequence[StudyLine], trends: Sequence[TrendLine]) -> str:
    """The first page of a static site; links lead into the folders beside it."""
    return _render("site.html.j2", studies=studies, trends=trends)


def render_comparison(
    rows: Sequence[Mapping[str, str]], *, sentence: str, names: Sequence[str]
) -> str:
    """Two studies against each other; `rows` are cells by column heading."""
    return _render("comparison.html.j2", rows=rows, sentence=sentence, names=names)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("include.report", "page_templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(downloads=tuple(Download), point_files=_IN_THE_BAR)
    return made
