"""The pages around a report in Airflow's UI: its files, a study without one, the list of studies.

They hold no script and load nothing: styles are inline. Links are relative, because only Airflow
knows below which address it is served. No pandas here: a page must not take seconds to load it.
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFRESH_S = 15  # how often the page of a run that is still going asks again


class Download(StrEnum):
    """The downloads of a study."""

    REPORT = "report.html"
    RECORDS_PARQUET = "records.parquet"
    RECORDS_CSV = "records.csv"
    SUMMARY = "summary.csv"


class PointFile(StrEnum):
    """The readable files of a point."""

    LOG = "log"
    MANIFEST = "manifest"
    EVENTS = "events"


MEDIA_TYPES = {
    Download.REPORT: "text/html; charset=utf-8",
    Download.RECORDS_PARQUET: "application/vnd.apache.parquet",
    Download.RECORDS_CSV: "text/csv; charset=utf-8",
    Download.SUMMARY: "text/csv; charset=utf-8",
}
# The file's name in the results, and what it is.
POINT_FILES = {
    PointFile.LOG: ("job.log", "text/plain; charset=utf-8"),
    PointFile.MANIFEST: ("manifest.yaml", "text/plain; charset=utf-8"),
    PointFile.EVENTS: ("events.json", "application/json"),
}


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
    is_from_list: bool  # the reader came from the list, and wants to go back to it

    @property
    def recorded(self) -> int:
        """The number of points with a record."""
        return sum(point.is_recorded for point in self.points)

    @property
    def link(self) -> str:
        """Start of the links to files, seen from the page of the run."""
        return "./" + quote(self.run_id, safe="")


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
        """All that is shown of it, in small letters, to be searched."""
        digest = self.digest
        own = (self.study_id, self.dag_id, self.run_id, self.state or "")
        more = (*digest.operators, digest.cluster, digest.verdict, *digest.effect) if digest else ()
        return " ".join((*own, *more)).lower()

    @property
    def duration(self) -> str:
        """Of its runs, in minutes or hours; empty when not known."""
        if self.digest is None or self.digest.duration_s is None:
            return ""
        return duration_text(self.digest.duration_s)

    @property
    def cost(self) -> str:
        """Dollars, or node-hours where no price is known; empty before the report."""
        if self.digest is None or self.digest.node_s is None:
            return ""
        if self.digest.usd is not None:
            return usd_text(self.digest.usd)
        return f"{self.digest.node_s / 3600:,.2f} node-h"

    @property
    def link(self) -> str | None:
        """To the page of the run, seen from the list; None for an import, which is of no run."""
        if not self.run_id:
            return None
        place = f"./report/{quote(self.dag_id, safe='')}/{quote(self.run_id, safe='')}"
        return f"{place}?listed=true"


def render_report(report: str, files: Files, *, is_going: bool) -> str:
    """The page of a report with a bar of links above it: one page, so that only one scrolls."""
    bar = _render("bar.html.j2", files=files, is_going=is_going)
    served = _FILE_OF_A_POINT.sub(lambda match: _served(match, files), report)
    before, body, after = served.partition("<body>")
    return before + body + bar + after if body else bar + served


def _served(match: re.Match[str], files: Files) -> str:
    """The link to a point's file as the server serves it; beside the folder it is the file."""
    name = next((each for each, (file, _) in POINT_FILES.items() if file == match["file"]), None)
    return f'href="{files.link}/points/{match["point"]}/{name}"' if name else match[0]


def render_notice(
    title: str, lines: Sequence[str], *, files: Files | None = None, is_going: bool = False
) -> str:
    """A page that says in words why there is no report."""
    refresh = REFRESH_S if is_going else None
    return _render("notice.html.j2", title=title, lines=lines, files=files, refresh=refresh)


def render_studies(
    studies: Sequence[StudyLine], *, address: str, note: str | None = None, words: str = ""
) -> str:
    """The list of studies; `address` is where studies are kept unless they say otherwise.

    `words` are what its reader filters by: a study has to hold all of them somewhere.
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
    )


def render_site(studies: Sequence[StudyLine]) -> str:
    """The first page of a static site; links lead into the folders beside it."""
    return _render("site.html.j2", studies=studies)


def render_comparison(
    rows: Sequence[Mapping[str, str]], *, sentence: str, names: Sequence[str]
) -> str:
    """Two studies against each other; `rows` are cells by their heads."""
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
    made.globals.update(downloads=tuple(Download), point_files=tuple(PointFile))
    return made
