"""The routes of the pages that show studies in Airflow's UI, for those who may read the DAG.

Airflow leaves a plugin's routes open to anybody, so every route here has its own guard. No
`from __future__ import annotations`: FastAPI needs the annotations themselves.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy.orm import Session
from starlette.middleware.base import RequestResponseEndpoint

from include.errors import StudyError
from include.models import DnsLabel
from include.regression import trend_page
from include.regression.settings import series_of
from include.report import pages
from include.report.point_files import POINT_FILES, PointFile
from include.results import Results
from plugins import run_trouble, studies, study_digests

# Guards of `{dag_id}` in the path; without one, of the right to read runs at all.
GUARD = Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))
HEADERS = {
    # Others may write to a report's store: it gets styles and images, no scripts.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",  # rights may be withdrawn
}
TITLES = {
    401: "Log in to Airflow to read this",
    403: "You may not read the runs of this DAG",
    404: "There is nothing here",
}
REFUSED_BY = {
    "plan": "The study was refused as it is",
    "preflight": "The study was refused before anything was made",
}
CHUNK = 1 << 20

app = FastAPI(
    title="Operator benchmark", docs_url=None, redoc_url=None, openapi_url=None
)  # their routes would be open


@app.middleware("http")
async def _add_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    answer = await call_next(request)
    answer.headers.update(HEADERS)
    return answer


@app.exception_handler(studies.UnreadableStoreError)
def _unreadable(_request: Request, err: studies.UnreadableStoreError) -> HTMLResponse:
    page = pages.render_notice("The results cannot be read", [str(err)])
    return HTMLResponse(page, status_code=503)


@app.exception_handler(HTTPException)
def _refused(_request: Request, err: HTTPException) -> HTMLResponse:
    """Show it as a page, for the person in the tab."""
    title = TITLES.get(err.status_code, "This cannot be shown")
    page = pages.render_notice(title, [str(err.detail)])
    return HTMLResponse(page, status_code=err.status_code, headers=err.headers)


def _results(dag_id: str, run_id: str, session: SessionDep) -> Results | None:
    return studies.results_of(session, dag_id=dag_id, run_id=run_id)


def _existing(dag_id: str, run_id: str, session: SessionDep) -> Results:
    if (results := _results(dag_id, run_id, session)) is None:
        raise HTTPException(404, "This run has no results.")
    return results


def _reader(user: GetUserDep) -> Callable[[str], bool]:
    """A function that tells if the user may read a DAG's runs."""

    def may_read(dag_id: str) -> bool:
        details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        return get_auth_manager().is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
        )

    return may_read


@app.get("/trend/{dag_id}", dependencies=[GUARD], response_class=HTMLResponse)
def show_trend(dag_id: str, user: GetUserDep) -> str:
    """The nights of a DAG that runs a study on a schedule; of other DAGs only what is readable."""
    if (series := series_of(dag_id)) is None:
        line = f"{dag_id} is none of the DAGs that run a study every night."
        return pages.render_notice("No nightly study", [line])
    trend = studies.trend_of(series, may_read=_reader(user))
    return trend_page.render(trend, title=f"Trend of {series}", link=trend_page.link_in_airflow)


@app.get("/studies", dependencies=[GUARD], response_class=HTMLResponse)
def list_studies(user: GetUserDep, session: SessionDep, words: str = "") -> str:
    """The studies whose runs the user may read and that contain all of the words."""
    may_read = _reader(user)
    lines, note = studies.listed(session, may_read=may_read), None
    trends: list[pages.TrendLink] = []
    try:
        lines += studies.listed_elsewhere(lines, may_read=may_read)
        lines += study_digests.imports(lines, may_read=may_read)
        lines = study_digests.with_digests(lines)
        trends = studies.trends(may_read=may_read)
    except studies.UnreadableStoreError as err:
        note = f"Studies that another Airflow made are not listed: {err}"
    address = studies.installation_root()
    return pages.render_studies(lines, address=address, note=note, words=words[:200], trends=trends)


@app.get("/compare", dependencies=[GUARD], response_class=HTMLResponse)
def compare_studies(user: GetUserDep, session: SessionDep, a: str = "", b: str = "") -> str:
    """Two studies of the list compared, for those who may read both."""
    may_read = _reader(user)
    lines = studies.listed(session, may_read=may_read)
    lines += studies.listed_elsewhere(lines, may_read=may_read)
    lines += study_digests.imports(lines, may_read=may_read)
    chosen = study_digests.with_digests(line for line in lines if line.study_id in {a, b})
    known = {line.study_id for line in chosen if line.digest is not None}
    if missing := [name for name in (a, b) if name not in known]:
        named = f"{missing[0]!r} is none of the studies that you may read." if missing[0] else ""
        line = named or "Choose one study as A and one as B."
        return pages.render_notice("Two studies are needed", [line])
    from include.report.pair import compared  # pandas takes seconds to load

    try:
        rows, sentence = compared(*(study_digests.study_of(name) for name in (a, b)))
    except (StudyError, FileNotFoundError) as err:
        return pages.render_notice("These two cannot be compared", [str(err)])
    return pages.render_comparison(rows, sentence=sentence, names=(a, b))


@app.get("/imported/{name}", dependencies=[GUARD], response_class=HTMLResponse)
def show_import(name: Annotated[DnsLabel, Path()], user: GetUserDep) -> str:
    """The report of an import, which has no run, for those who may read studies."""
    if name not in {line.study_id for line in study_digests.imports((), may_read=_reader(user))}:
        raise HTTPException(404, f"There is no import {name} that you may read.")
    return pages.render_import(study_digests.study_of(name).read_text("report.html"))


@app.get("/report/{dag_id}/{run_id}", dependencies=[GUARD], response_class=HTMLResponse)
def show_report(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    results: Annotated[Results | None, Depends(_results)],
    *,
    listed: bool = False,
) -> HTMLResponse:
    """The report of a run, or why there is none."""
    state = studies.state_of(session, dag_id=dag_id, run_id=run_id)
    is_going = state in studies.GOING
    if results is None:
        return _without_results(session, dag_id=dag_id, run_id=run_id, state=state)
    files = _files(results, dag_id=dag_id, run_id=run_id, is_from_list=listed)
    if files.has_report:
        report = results.read_text("report.html")
        return HTMLResponse(pages.render_report(report, files, is_going=is_going))
    why = _why(session, dag_id=dag_id, run_id=run_id)
    return HTMLResponse(_without_report(files, why=why, is_going=is_going))


@app.get("/report/{dag_id}/{run_id}/download/{name}", dependencies=[GUARD])
def download(
    name: pages.Download, results: Annotated[Results, Depends(_existing)]
) -> StreamingResponse:
    """A file that was written with the report."""
    saved_as = f"{_study_id(results)}-{name}"
    headers = {"Content-Disposition": f'attachment; filename="{saved_as}"'}
    return _stream(results, name.value, media_type=pages.MEDIA_TYPES[name], headers=headers)


@app.get("/report/{dag_id}/{run_id}/points/{point_id}/{name}", dependencies=[GUARD])
def show_point(
    point_id: Annotated[DnsLabel, Path()],
    name: PointFile,
    results: Annotated[Results, Depends(_existing)],
) -> StreamingResponse:
    """The log, manifest or events of a point, for reading in the browser."""
    file, media_type = POINT_FILES[name]
    return _stream(results, f"points/{point_id}/{file}", media_type=media_type)


def _study_id(results: Results) -> str:
    return str(results).rsplit("/", 1)[-1]


def _files(results: Results, *, dag_id: str, run_id: str, is_from_list: bool) -> pages.Files:
    recorded = results.recorded_points()
    points = [point for phase in results.plan().phases for point in phase.points]
    return pages.Files(
        study_id=_study_id(results),
        address=str(results),
        run_id=run_id,
        has_report=results.exists("report.html"),
        points=tuple(
            pages.PointLine(
                point_id=point.point_id, title=str(point), is_recorded=point.point_id in recorded
            )
            for point in points
        ),
        is_from_list=is_from_list,
        has_trend=series_of(dag_id) is not None,
        dag_id=dag_id,
    )


def _why(session: Session, *, dag_id: str, run_id: str) -> list[str]:
    """Reason why a run has no report: the task's refusal, or the failed task."""
    if (refusal := run_trouble.refusal_of(session, dag_id=dag_id, run_id=run_id)) is not None:
        task, text = refusal
        return [f"{REFUSED_BY.get(task, f'The task {task} stopped it')}:", *text.splitlines()]
    failed = run_trouble.failed_tasks(session, dag_id=dag_id, run_id=run_id)
    if failed:
        return [f"Its task {failed[0]} failed, and the log of that task says why."]
    return ["None of its tasks failed: it was cancelled, or not approved."]


def _without_report(files: pages.Files, *, why: list[str], is_going: bool) -> str:
    done = f"{files.recorded} of {len(files.points)} points have a record"
    if is_going:
        waits = ["It waits for its cluster.", *why[1:]] if why[1:] else []
        lines = [
            *waits,
            f"So far {done}. The report comes at the end.",
            f"It will be in {files.address}.",
        ]
        return pages.render_notice("The run is still going", lines, files=files, is_going=True)
    lines = [*why, f"The run ended without a report; {done}. Its files are in {files.address}."]
    return pages.render_notice("This run has no report", lines, files=files)


def _without_results(
    session: Session, *, dag_id: str, run_id: str, state: str | None
) -> HTMLResponse:
    if state is None:
        page = pages.render_notice("There is no such run", [f"{run_id} of the DAG {dag_id}"])
        return HTMLResponse(page, status_code=404)
    if not studies.is_study(session, dag_id=dag_id, run_id=run_id):
        line = f"Runs of the DAG {dag_id} are no benchmark studies, so they have no report."
        return HTMLResponse(pages.render_notice("No benchmark study", [line]))
    address = studies.expected_address(session, dag_id=dag_id, run_id=run_id)
    if state in studies.GOING:
        lines = ["Its study is not planned yet.", f"The results will be in {address}."]
        return HTMLResponse(pages.render_notice("The run is still going", lines, is_going=True))
    lines = [
        *_why(session, dag_id=dag_id, run_id=run_id),
        f"Nothing was planned or made. The results would be in {address}.",
    ]
    return HTMLResponse(pages.render_notice("This run has no results", lines))


def _stream(
    results: Results, relative: str, *, media_type: str, headers: dict[str, str] | None = None
) -> StreamingResponse:
    """A file of the study in pieces, as a log may exceed the memory."""
    try:
        chunks = _chunks(results, relative)
    except FileNotFoundError:
        raise HTTPException(404, f"The study has no file {relative}, or has none yet.") from None
    return StreamingResponse(chunks, media_type=media_type, headers=headers)


def _chunks(results: Results, relative: str) -> Iterator[bytes]:
    """The file's content; FileNotFoundError at once, before the answer has begun."""
    file = results.path(relative).open("rb")

    def read() -> Iterator[bytes]:
        with file:
            while piece := file.read(CHUNK):
                yield piece

    return read()
