"""The pages of studies in Airflow's UI: who may read them, what they say, what can be fetched."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from include.models import Study, StudyOrigin
from include.report import digest
from include.report.digest import Digest
from include.results import ORIGIN, Results
from include.study.plan import study_id_of
from include.study.steps import Planned
from plugins.study_context import locate
from tests.fakes.points import record_of
from tests.plans import make_plan
from tests.plugins.runs import add_run, add_tasks

DAG = "operator_benchmark"
REPORT = (
    "<!DOCTYPE html><html><head><title>t</title></head><body>\n<h1>The verdicts</h1></body></html>"
)
_numbers = itertools.count()


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.sockets)])
def root(request, tmp_path, monkeypatch):
    """The installation's results: a folder, or an object store with its connection."""
    is_file = request.param == "file"
    parent = tmp_path.as_uri() if is_file else request.getfixturevalue("bucket")
    found = f"{parent}/results"
    monkeypatch.setenv("OPERATOR_BENCHMARK_RESULTS", found)
    return found


def add_study(root, run_id, *, dag_id=DAG, recorded=1, report=REPORT):
    """A study's folder; returns its results and what `plan` would hand over."""
    study = Study(operators=("fake_a",), nodes=(1,), repeats=1)
    study_id = study_id_of(name=study.name, run_id=run_id)
    results = Results(locate(f"{root}/{study_id}"))
    plan = make_plan(study, study_id=study_id)
    results.write_json("plan.json", plan.to_json())
    origin = StudyOrigin(dag_id=dag_id, run_id=run_id, planned_at=datetime(2026, 1, 1, tzinfo=UTC))
    results.write_json(ORIGIN, origin.to_json())
    for point in plan.points[:recorded]:
        results.write_json(f"points/{point.point_id}/record.json", record_of(point).to_json())
        results.write_text(f"points/{point.point_id}/job.log", "loop <time> é\n")
        results.write_text(f"points/{point.point_id}/manifest.yaml", "kind: Job\n")
        results.write_text(f"points/{point.point_id}/events.json", "[]")
    if report:
        results.write_text("report.html", report)
        results.write_text("summary.csv", "a\n")
        results.write_text("records.csv", "b\n")
        results.write_bytes("records.parquet", b"PAR1")
    return results, handed_on(study_id, results)


def handed_on(study_id, results):
    """What the task `plan` of a study returned."""
    planned = Planned(
        study_id=study_id,
        results=str(results),
        points=2,
        phases=1,
        cluster="fake",
        ask_approval=False,
        summary="2 points",
    )
    return planned.to_json()


def new_run():
    """Id of a run, such as Airflow makes them."""
    return f"manual__2026-01-01T00:00:{next(_numbers):02}.5+00:00"


@pytest.fixture
def study(airflow_home, root):
    """A finished study and its run: (run id, results)."""
    run_id = new_run()
    results, planned = add_study(root, run_id)
    add_run(run_id, planned=planned)
    return run_id, results


def paths(run_id, results):
    point = results.plan().points[0].point_id
    base = f"/report/{DAG}/{run_id}"
    return [
        "/studies",
        "/compare",
        base,
        *(f"{base}/download/{n}" for n in ("report.html", "records.parquet", "summary.csv")),
        *(f"{base}/points/{point}/{n}" for n in ("log", "manifest", "events")),
    ]


def test_every_route_is_closed_to_strangers(anonymous, study):
    assert {anonymous.get(path).status_code for path in paths(*study)} == {401}
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert anonymous.get(path).status_code == 404


def test_every_route_has_the_guard():
    from fastapi.routing import APIRoute

    from plugins.report_routes import GUARD, app

    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert len(routes) == 7
    assert all(GUARD in route.dependencies for route in routes)


def test_airflow_serves_no_other_routes_of_ours():
    from airflow import plugins_manager

    from plugins.report_view import LateApp

    plugins, _ = plugins_manager._get_plugins()
    ours = [plugin for plugin in plugins if "airflow.providers" not in plugin.__module__]
    apps = [app["app"] for plugin in ours for app in plugin.fastapi_apps]
    assert [type(app).__name__ for app in apps] == [LateApp.__name__]
    middlewares = [each["name"] for p in ours for each in p.fastapi_root_middlewares]
    assert set(middlewares) <= {"One write at a time"}  # with SQLite alone; it serves nothing


def test_every_route_is_closed_to_those_who_may_not_read_the_dag(client, rights, study):
    assert {client.get(path).status_code for path in paths(*study)} == {200}
    assert set(rights.asked) == {("GET", "RUN")}
    rights.readable = set()
    assert {client.get(path).status_code for path in paths(*study)} == {403}
    page = client.get(paths(*study)[1])
    assert "You may not read the runs of this DAG" in page.text


def test_a_report_is_not_reached_by_the_name_of_another_dag(client, rights, study):
    run_id, _ = study
    rights.readable = {"other"}
    add_run(run_id, dag_id="other", state="success")
    page = client.get(f"/report/other/{run_id}")
    assert "The verdicts" not in page.text
    assert client.get(f"/report/other/{run_id}/download/report.html").status_code == 404


def test_an_xcom_that_names_the_study_of_another_dag_is_not_believed(client, rights, study):
    _, results = study
    run_id = new_run()
    stolen = handed_on(str(results).rsplit("/", 1)[-1], results)
    add_run(run_id, dag_id="other", planned=stolen)
    assert "The verdicts" not in client.get(f"/report/other/{run_id}").text


def test_the_page_is_the_report_with_links_to_its_files(client, study):
    run_id, _ = study
    page = client.get(f"/report/{DAG}/{run_id}")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.count("<body") == page.text.count("<h1>") == 1
    assert "The verdicts" in page.text
    assert "<iframe" not in page.text
    for link in _links(page.text):
        answer = client.get(f"/report/{DAG}/{link}")
        assert answer.status_code == (404 if "-r1/" in link else 200), link  # not run yet
    assert sum("/download/" in link for link in _links(page.text)) == 4
    assert sum("/points/" in link for link in _links(page.text)) == 6


def _links(html):
    return [part.split('"')[0] for part in html.split('href="')[1:]]


def test_pages_may_load_nothing_and_run_nothing(client, study):
    for path in paths(*study):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "no-store" in headers["cache-control"]


@pytest.mark.parametrize(
    ("name", "media_type", "content"),
    [
        ("report.html", "text/html; charset=utf-8", REPORT.encode()),
        ("records.parquet", "application/vnd.apache.parquet", b"PAR1"),
        ("records.csv", "text/csv; charset=utf-8", b"b\n"),
        ("summary.csv", "text/csv; charset=utf-8", b"a\n"),
    ],
)
def test_downloads_have_their_type_and_a_name_that_tells_the_study(
    client, study, name, media_type, content
):
    run_id, results = study
    answer = client.get(f"/report/{DAG}/{run_id}/download/{name}")
    assert answer.content == content
    assert answer.headers["content-type"] == media_type
    study_id = results.plan().study_id
    assert answer.headers["content-disposition"] == f'attachment; filename="{study_id}-{name}"'


def test_a_points_files_are_shown_as_text(client, study):
    run_id, results = study
    base = f"/report/{DAG}/{run_id}/points/{results.plan().points[0].point_id}"
    log = client.get(f"{base}/log")
    assert (log.text, log.headers["content-type"]) == (
        "loop <time> é\n",
        "text/plain; charset=utf-8",
    )
    assert client.get(f"{base}/manifest").text == "kind: Job\n"
    assert client.get(f"{base}/events").json() == []


@pytest.mark.parametrize(
    "place",
    [
        "download/plan.json",
        "download/..%2Fplan.json",
        "download/%2E%2E",
        "points/..%2F..%2Fx/log",
        "points/%2E%2E/log",
        "points/a%00b/log",
        "points/A/log",
        "points/a/record.json",
        "points/a%0A/log",
    ],
)
def test_other_names_are_refused(client, study, place):
    run_id, _ = study
    assert client.get(f"/report/{DAG}/{run_id}/{place}").status_code in {404, 422}


def test_a_run_that_is_going_says_so_and_asks_again(client, root):
    run_id = new_run()
    results, planned = add_study(root, run_id, report=None)
    add_run(run_id, state="running", planned=planned)
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "The run is still going" in page
    assert "1 of 2 points have a record" in page
    assert str(results) in page
    assert 'http-equiv="refresh"' in page
    add_study(root, run_id)
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "The verdicts" in page
    assert "still going: 1 of 2" in page


def test_a_run_that_ended_without_a_report_says_so(client, root):
    run_id = new_run()
    results, planned = add_study(root, run_id, report=None, recorded=0)
    add_run(run_id, state="failed", planned=planned)
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "This run has no report" in page
    assert f"Its files are in {results}" in page
    assert "refresh" not in page


@pytest.mark.parametrize("is_planned", [True, False])
def test_a_refused_run_says_why_where_its_report_would_be(client, root, is_planned):
    run_id = new_run()
    _, planned = add_study(root, run_id, report=None, recorded=0) if is_planned else (None, None)
    add_run(run_id, state="failed", planned=planned)
    task = "preflight" if is_planned else "plan"
    states = {"preflight": "failed"} if is_planned else {}
    refused = (task, "cluster local: no root\nprice: above max_usd")
    add_tasks(run_id, states=states, refused=refused)
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "The study was refused" in page
    assert "<p>cluster local: no root</p>" in page
    assert "<p>price: above max_usd</p>" in page
    assert "log" not in page.split("<h1>")[1]


def test_a_run_that_failed_otherwise_names_the_task(client, root):
    run_id = new_run()
    _, planned = add_study(root, run_id, report=None, recorded=0)
    add_run(run_id, state="failed", planned=planned)
    add_tasks(run_id, states={"provision": "failed", "report": "upstream_failed"})
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "Its task provision failed, and the log of that task says why." in page


def test_a_run_that_waits_for_its_cluster_says_for_what(client, root):
    run_id = new_run()
    _, planned = add_study(root, run_id, report=None, recorded=0)
    add_run(run_id, state="running", planned=planned)
    refused = ("preflight", "the local cluster of study other-1 is running")
    add_tasks(run_id, states={"preflight": "up_for_reschedule"}, refused=refused)
    page = client.get(f"/report/{DAG}/{run_id}").text
    assert "It waits for its cluster." in page
    assert "the local cluster of study other-1 is running" in page


def test_a_run_without_results_says_where_they_would_be(client, root, tmp_path):
    for conf, place in (
        ({"name": "mine"}, f"{root}/mine-"),
        ({"results": str(tmp_path / "own")}, f"{(tmp_path / 'own').as_uri()}/demo-"),
        ({"name": "No Name"}, f"{root}."),
    ):
        run_id = new_run()
        add_run(run_id, state="failed", conf=conf)
        page = client.get(f"/report/{DAG}/{run_id}").text
        assert "This run has no results" in page
        assert f"would be in {place}" in page


def test_a_run_of_another_dag_and_an_unknown_run_say_what_they_are(client, root):
    run_id = new_run()
    add_run(run_id, dag_id="other", task="clean")
    assert "no benchmark studies" in client.get(f"/report/other/{run_id}").text
    unknown = client.get(f"/report/{DAG}/<script>")
    assert unknown.status_code == 404
    assert "<script>" not in unknown.text


def test_a_study_is_found_where_it_says_and_without_its_xcom(client, root, tmp_path):
    run_id = new_run()
    own = (tmp_path / "own").as_uri()
    add_study(own, run_id)
    add_run(run_id, conf={"results": own})  # the XCom is gone, the conf tells the place
    assert "The verdicts" in client.get(f"/report/{DAG}/{run_id}").text


def test_the_list_shows_studies_of_this_and_of_other_airflows_that_may_be_read(
    client, rights, root
):
    rights.readable = {None, DAG}
    here, there, hidden = new_run(), new_run(), new_run()
    add_run(here, planned=add_study(root, here)[1])
    add_study(root, there)
    add_run(hidden, dag_id="hidden", planned=add_study(root, hidden, dag_id="hidden")[1])
    add_study(root, new_run(), dag_id="hidden")
    page = client.get("/studies").text
    for run_id in (here, there):
        assert page.count(study_id_of(name="demo", run_id=run_id)) == 1
    assert "of another Airflow" in page
    assert "hidden" not in page
    assert root in page
    links = [link for link in _links(page) if "report" in link]
    assert all("The verdicts" in client.get(f"/{link}").text for link in links[:1])


def test_a_list_without_studies_says_so(client, rights, root):
    rights.readable = {None}
    assert "There is no study yet that you may read" in client.get("/studies").text


def test_a_store_that_cannot_be_read_is_named(client, monkeypatch, airflow_home):
    from plugins import studies

    def refuse(address):
        raise PermissionError(address)

    monkeypatch.setenv("OPERATOR_BENCHMARK_RESULTS", "memory://closed")
    monkeypatch.setattr(studies, "locate", refuse)
    run_id = new_run()
    add_run(run_id)
    answer = client.get(f"/report/{DAG}/{run_id}")
    assert answer.status_code == 503
    assert "memory://closed" in answer.text
    assert "PermissionError" in answer.text
    page = client.get("/studies")
    assert page.status_code == 200
    assert "Studies that another Airflow made are not listed" in page.text


def test_airflow_finds_the_tab_the_list_and_nothing_else():
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()
    assert not errors
    found = next(p for p in plugins if p.name == "operator_benchmark_reports")
    views = {view["destination"]: view["href"] for view in found.external_views}
    assert views == {
        "dag_run": "operator-benchmark/report/{DAG_ID}/{RUN_ID}",
        "nav": "operator-benchmark/studies",
    }


def test_the_plugin_loads_no_web_framework_before_it_is_asked():
    import subprocess
    import sys

    code = (
        "import sys, plugins.report_view; "
        "assert not {'fastapi', 'pandas', 'plugins.report_routes'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def digest_of(name, **changes):
    return Digest.model_validate(
        {
            "name": name,
            "kind": "study",
            "application": "lammps",
            "operators": ["MPI Operator", "Flux Operator"],
            "nodes": [8, 64],
            "cluster": "eks",
            "simulated": False,
            "began_at": "2026-01-01T10:00:00Z",
            "ended_at": "2026-01-01T12:00:00Z",
            "planned": 20,
            "valid": 19,
            "usd": 748.5,
            "node_s": 936000.0,
            "is_verdict": True,
            "effect": ["In these runs Flux Operator was 4.2 % faster than MPI Operator."],
            "cause": "Yes.",
            "cost": "",
            "settle": "Nothing.",
            **changes,
        }
    )


def test_the_list_says_what_each_study_found_what_it_took_and_cost(client, root, study):
    _, results = study
    results.write_json(digest.FILE, digest_of("x").to_json())
    page = client.get("/studies").text
    for words in (
        "4.2 % faster",
        "MPI Operator, Flux Operator",
        "8, 64",
        "eks",
        "2 h",
        "$748",
        "19 of 20",
        "verdict",
    ):
        assert words in page


def test_imports_are_in_the_list_for_those_who_may_read_studies(client, rights, root, study):
    folder = Results(locate(f"{root}/run6"))
    folder.write_json(digest.FILE, digest_of("run6", kind="import", began_at=None).to_json())
    assert "run6" in client.get("/studies").text
    assert "import" in client.get("/studies").text
    rights.readable = {"another", None}
    assert "run6" not in client.get("/studies").text


def test_the_report_of_an_import_opens_from_the_list_without_links_into_folders(
    client, rights, root, study
):
    folder = Results(locate(f"{root}/run6"))
    folder.write_json(digest.FILE, digest_of("run6", kind="import").to_json())
    page = '<body><h1>It</h1><a href="#a">n</a> <a href="../../logs/x.out">log</a></body>'
    folder.write_text("report.html", page)
    assert 'href="./imported/run6"' in client.get("/studies").text
    shown = client.get("/imported/run6")
    assert shown.text == (
        '<body><p><a href="../studies">All studies</a></p><h1>It</h1><a href="#a">n</a> log</body>'
    )
    name = str(study[1]).rsplit("/", 1)[-1]
    assert client.get(f"/imported/{name}").status_code == 404  # a study's report is the run's
    rights.readable = {"another", None}
    assert client.get("/imported/run6").status_code == 404


def test_the_list_can_be_filtered(client, root, study):
    folder = Results(locate(f"{root}/run6"))
    folder.write_json(digest.FILE, digest_of("run6", kind="import").to_json())
    page = client.get("/studies?words=FLUX eks").text
    assert "run6" in page
    assert " left out" in page
    assert "run6" not in client.get("/studies?words=nowhere").text


def test_a_digest_of_another_dag_is_not_shown_by_an_edited_xcom(client, rights, root):
    run_id, other = new_run(), new_run()
    theirs, planned = add_study(root, other, dag_id="secret")
    theirs.write_json(digest.FILE, digest_of("theirs").to_json())
    add_run(run_id, planned=planned)
    rights.readable = {DAG, None}
    page = client.get("/studies").text
    assert str(theirs).rsplit("/", 1)[-1] in page
    assert "4.2 % faster" not in page
    assert (
        "none of the studies" in client.get(f"/compare?a={str(theirs).rsplit('/', 1)[-1]}&b=x").text
    )


def test_two_studies_can_be_compared(client, root, monkeypatch):
    from include.analysis import table
    from tests.analysis.synthetic import study_records

    names = []
    for _ in range(2):
        run_id = new_run()
        results, planned = add_study(root, run_id)
        add_run(run_id, planned=planned)
        frame = table.to_frame(study_records(repeats=8))
        results.write_bytes("records.parquet", table.to_parquet(frame))
        results.write_json(digest.FILE, digest_of("x").to_json())
        names.append(str(results).rsplit("/", 1)[-1])
    page = client.get(f"/compare?a={names[0]}&b={names[1]}").text
    assert "cannot be told apart in 4 of 4" in page
    assert "B against A" in page
    assert "Choose one study as A" in client.get("/compare").text
