"""Runs under a real scheduler, started by `bin/ui` as a user does: order, cancels, a clean end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

from include.plan import study_id_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.scheduler, pytest.mark.sockets]
DAG = "/api/v2/dags/operator_benchmark"
SITE = """\
import sys
sys.path.append({root!r})
from tests import fakes
fakes.install()
fakes.stand_in_for_the_report(sys.modules)
"""


class Airflow:
    """The REST API of the Airflow under test."""

    def __init__(self, port, password):
        self.base = f"http://127.0.0.1:{port}"
        self.token = None
        user = {"username": "admin", "password": password}
        self.token = self.call("/auth/token", user)["access_token"]

    def call(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = self.base + path
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.load(answer)

    def read(self, path, *, token, headers=None):
        """Status and text of a page."""
        sent = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.base + path, headers=sent)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def trigger(self, params):
        return self.call(f"{DAG}/dagRuns", {"logical_date": None, "conf": params})["dag_run_id"]

    def tasks(self, run_id):
        answer = self.call(f"{DAG}/dagRuns/{run_id}/taskInstances?limit=100")
        return {(t["task_id"], t["map_index"]): t["state"] for t in answer["task_instances"]}

    def cancel(self, run_id):
        self.call(f"{DAG}/dagRuns/{run_id}", {"state": "failed"}, "PATCH")

    def end(self, run_id):
        return wait(lambda: self._ended(run_id))

    def _ended(self, run_id):
        state = self.call(f"{DAG}/dagRuns/{run_id}")["state"]
        return state if state in {"success", "failed"} else None

    def until_running(self, run_id, task):
        wait(lambda: self.tasks(run_id).get(task) == "running")


def wait(found, limit_s=60):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            if value := found():
                return value
        except urllib.error.HTTPError:  # the DAG is not parsed yet
            pass
        time.sleep(0.2)
    pytest.fail("waited in vain")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """`bin/ui` with the fake adapters, in a home of its own; ended as by Ctrl-C."""
    home = tmp_path_factory.mktemp("ui")
    (home / "sitecustomize.py").write_text(SITE.format(root=str(ROOT)))
    log = home / "ui.log"
    port = free_port()
    own = {
        "OPERATOR_BENCHMARK_HOMES": str(home),
        "OPERATOR_BENCHMARK_FAKE_POINTS": "1",
        "PYTHONPATH": str(home),
        "UI_PORT": str(port),
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "COV_"))}
    with log.open("w") as out:
        ui = subprocess.Popen(
            [ROOT / "bin" / "ui"], env=kept | own, stdout=out, stderr=out, start_new_session=True
        )
    try:
        password = wait(
            lambda: re.search(r"^password: (\S+)$", log.read_text(), re.MULTILINE)
        ).group(1)
        found = Airflow(port, password)
        wait(lambda: found.call(DAG))
        yield found
    finally:
        ui.send_signal(signal.SIGINT)
        ui.wait(timeout=40)
    assert _processes_of(home) == []
    assert (home / "ui" / "jwt_secret").stat().st_mode & 0o077 == 0


def _processes_of(home):
    """Command lines of processes that still have the home's variable in their environment."""
    mark = f"OPERATOR_BENCHMARK_HOMES={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def journal(params):
    return Path(params["cluster_options"]["journal"]).read_text().splitlines()


def test_points_run_in_the_planned_order(airflow, params):
    run_id = airflow.trigger(params)
    assert airflow.end(run_id) == "success"
    assert [line for line in journal(params) if line.startswith("point")] == [
        f"point {index}" for index in (1, 2, 3, 4)
    ]
    note = wait(lambda: airflow.call(f"{DAG}/dagRuns/{quote(run_id, safe='')}")["note"])
    assert note == "**Result:** What the fake report says."


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


def test_the_report_and_the_list_are_shown_to_those_who_are_logged_in(airflow, params):
    run_id = airflow.trigger(params)
    assert airflow.end(run_id) == "success"
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
    assert [status for status, _ in answers] == [200, 200, 200, 404]
    assert study_id_of(name="demo", run_id=run_id) in answers[1][1]
    assert "has no file points/demo-" in answers[3][1]  # the fake job writes no log
    as_in_a_browser = {"Cookie": f"_token={airflow.token}"}
    assert airflow.read(paths[0], token=None, headers=as_in_a_browser)[0] == 200


def test_the_api_refuses_values_beyond_the_form(airflow, params):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        airflow.trigger(params | {"repeats": 0})
