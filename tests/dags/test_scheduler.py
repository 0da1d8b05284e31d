"""Runs under a real scheduler, started by `bin/ui` as a user does: order, cancels, a clean end."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from include.study.plan import study_id_of
from tests.airflow_server import DAG, FAKE_REPORT, SITE, THREE_OPERATORS, serve, wait
from tests.fakes.studies import two_phases
from tests.object_store import SECRET
from tests.webhook import serving

pytestmark = [pytest.mark.scheduler, pytest.mark.sockets, pytest.mark.timeout(600)]


VARIABLE = "canary-of-a-variable-of-every-task"
ALERTS = '[{"channel": "webhook", "connection": "team"}]'


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """What Airflow keeps: database, logs, secrets."""
    return tmp_path_factory.mktemp("ui")


@pytest.fixture(scope="module")
def airflow(home):
    """Airflow with the fake adapters and a report that is quick."""
    more = {"OPERATOR_BENCHMARK_FAKE_POINTS": "1", "OPERATOR_BENCHMARK_ALERTS": ALERTS}
    with serve(home, site=SITE + THREE_OPERATORS + FAKE_REPORT, A_TOKEN=VARIABLE, **more) as found:
        yield found


def journal(params):
    return Path(params["cluster_options"]["journal"]).read_text().splitlines()


@pytest.fixture(scope="module")
def undisturbed(airflow, tmp_path_factory):
    """The id of a run that has ended well, and its params."""
    params = two_phases(tmp_path_factory.mktemp("undisturbed"))
    run_id = airflow.trigger(params)
    assert airflow.end(run_id) == "success"
    return run_id, params


@pytest.fixture(scope="module")
def ended_early(airflow, tmp_path_factory):
    """The id of a run that four of its points were not needed for, and its params."""
    params = two_phases(tmp_path_factory.mktemp("early"))
    params.update(design="interleaved", warmups=0, repeats=8, repeats_min=6)
    run_id = airflow.trigger(params)
    assert airflow.end(run_id) == "success"
    return run_id, params


def not_needed(airflow, run_id):
    """Map indices of the first phase's points that were left out."""
    states = airflow.tasks(run_id).items()
    return [index for (task, index), s in states if (task, s) == ("phase_1.points", "skipped")]


def points_of(params):
    return [line for line in journal(params) if line.startswith("point")]


def test_points_run_in_the_planned_order(airflow, undisturbed):
    run_id, params = undisturbed
    assert [line for line in journal(params) if line.startswith("point")] == [
        f"point {index}" for index in (1, 2, 3, 4)
    ]
    note = wait(lambda: airflow.call(f"{DAG}/dagRuns/{quote(run_id, safe='')}")["note"])
    assert note == "**Result:** What the fake report says."


def test_a_point_that_was_not_needed_is_measured_when_its_task_is_cleared(airflow, ended_early):
    run_id, params = ended_early
    skipped = not_needed(airflow, run_id)
    assert len(skipped) == 4
    assert len(points_of(params)) == 12
    airflow.clear(run_id, "phase_1.points", skipped[0])
    wait(lambda: len(points_of(params)) == 13)
    assert airflow.end(run_id) == "success"


def test_a_point_that_was_not_needed_is_measured_on_a_cluster_that_is_made_anew(
    airflow, ended_early
):
    run_id, params = ended_early
    before = journal(params)
    skipped = not_needed(airflow, run_id)
    airflow.clear(run_id, "phase_1.points", skipped[0], with_all_around=True)
    wait(lambda: journal(params)[len(before) :][-1:] == ["delete"])
    assert airflow.end(run_id) == "success"
    again = journal(params)[len(before) :]
    assert again[0:3] == ["preflight", "create", "wait_ready"]
    assert sum(line.startswith("install") for line in again) == 2
    # Those beside it that were not needed may be measured too, as `skipped` says; none else is.
    assert 1 <= sum(line.startswith("point") for line in again) <= len(skipped)


def test_cancel_in_provision_removes_the_cluster_and_is_red(airflow, params):
    params["cluster_options"]["slow"] = {"create": 60}
    run_id = airflow.trigger(params)
    airflow.until_running(run_id, ("provision", -1))
    wait(lambda: "create" in journal(params))
    airflow.cancel(run_id)
    assert airflow.end(run_id) == "failed"
    assert journal(params) == ["preflight", "create", "delete"]
    assert airflow.tasks(run_id)["report", -1] == "success"


def test_cancel_in_a_point_deletes_its_job_and_the_cluster_and_is_red(airflow, params):
    params["cluster_options"]["points"] = {"2": "sleep 60"}
    run_id = airflow.trigger(params)
    airflow.until_running(run_id, ("phase_1.points", 1))
    wait(lambda: "point 2" in journal(params))
    airflow.cancel(run_id)
    assert airflow.end(run_id) == "failed"
    # The task ends on its own time: on a busy machine after the run.
    wait(lambda: "cancel fake_a 2 nodes repeat 1" in journal(params))
    assert "delete" in journal(params)
    assert "point 3" not in journal(params)
    (loss,) = Path(params["results"].removeprefix("file://")).glob("*/points/*/loss-2.json")
    assert "the run was stopped by hand while the point was measured" in loss.read_text()


def test_a_cluster_that_is_left_reaches_a_webhook_by_its_connection(airflow, params):
    params["cluster_options"]["fail"] = ["leftovers"]
    with serving() as webhook:
        host = f"http://127.0.0.1:{webhook.server_port}/team"
        airflow.call(
            "/api/v2/connections", {"connection_id": "team", "conn_type": "http", "host": host}
        )
        run_id = airflow.trigger(params)
        assert airflow.end(run_id) == "failed"
        wait(lambda: webhook.got)
    ((path, _, body),) = webhook.got
    assert path == "/team"
    assert "destroy failed; its cluster may be left and cost money" in body["text"]
    assert "the cluster fake still has a fake node" in body["text"]
    assert f"/dags/operator_benchmark/runs/{quote(run_id, safe='')}" in body["text"]


def test_the_report_and_the_list_are_shown_to_those_who_are_logged_in(airflow, undisturbed):
    run_id, _ = undisturbed
    run = quote(run_id, safe="")
    plugins = airflow.call("/api/v2/plugins")["plugins"]
    views = {view["name"]: view["href"] for plugin in plugins for view in plugin["external_views"]}
    tab = views["Benchmark report"].format(DAG_ID="operator_benchmark", RUN_ID=run)
    links = airflow.call(f"{DAG}/dagRuns/{run}/taskInstances/phase_1.points/links?map_index=1")
    log = links["extra_links"]["Log of the job"]
    paths = [f"/{tab}", f"/{views['Studies']}", f"/{tab}/download/report.html", log]
    forged = airflow.token[:-8] + "AAAAAAAA"
    for path in paths:
        assert airflow.read(path, token=None)[0] == 401
        assert airflow.read(path, token=forged)[0] == 403
    answers = [airflow.read(path, token=airflow.token) for path in paths]
    assert [status for status, _ in answers] == [200, 200, 200, 200]
    assert study_id_of(name="demo", run_id=run_id) in answers[1][1]
    assert answers[3][1].startswith("job.log of fake_a 2 nodes repeat 1")
    as_in_a_browser = {"Cookie": f"_token={airflow.token}"}
    assert airflow.read(paths[0], token=None, headers=as_in_a_browser)[0] == 200


def test_the_api_refuses_values_of_another_type(airflow, params):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        airflow.trigger(params | {"repeats": "many"})


def test_triggers_that_come_at_once_are_answered_in_seconds(airflow):
    """Without `plugins/one_write_at_a_time.py` most fail after minutes: SQLite has one writer."""
    runs = "/api/v2/dags/reap_clusters/dagRuns"

    def trigger(number):
        body = {"logical_date": None, "dag_run_id": f"at-once-{number}"}
        return airflow.call(runs, body)["dag_run_id"]

    with ThreadPoolExecutor(6) as pool:
        begun_at = time.monotonic()
        assert len(set(pool.map(trigger, range(24)))) == 24
        assert time.monotonic() - begun_at < 60


def test_a_value_beyond_its_bounds_is_refused_in_words_before_anything_is_made(airflow, params):
    run_id = airflow.trigger(params | {"repeats": 0})
    assert airflow.end(run_id) == "failed"
    note = wait(lambda: airflow.call(f"{DAG}/dagRuns/{quote(run_id, safe='')}")["note"])
    assert "repeats: must be 1 or more (given: 0)" in note
    assert not Path(params["cluster_options"]["journal"]).exists()


def test_no_secret_is_in_a_log_a_rendered_template_or_the_database(
    airflow, home, params, object_store_server
):
    given = json.loads(object_store_server.connection)
    given |= {"connection_id": "canary", "extra": json.dumps(given["extra"])}
    airflow.call("/api/v2/connections", given)
    bucket = object_store_server.new_bucket()
    run_id = airflow.trigger(params | {"results": f"s3://canary@{bucket}/studies"})
    assert airflow.end(run_id, limit_s=120) == "success"
    with sqlite3.connect(home / "ui" / "airflow.db") as database:
        kept = {"the database": "\n".join(database.iterdump())}
        rendered = "select count(*) from rendered_task_instance_fields where task_id like '%points'"
        assert database.execute(rendered).fetchone()[0] >= 4
    logs = [path for path in (home / "ui").rglob("*.log") if path.is_file()]
    assert {"scheduler.log", "attempt=1.log"} <= {path.name for path in logs}
    kept |= {str(path): path.read_text(errors="replace") for path in logs}
    names = ("jwt_secret", "secret_key", "fernet_key")
    secrets = [(home / "ui" / name).read_text().strip() for name in names]
    for secret in (*secrets, airflow.password, SECRET, VARIABLE):
        assert not [name for name, text in kept.items() if secret in text]
