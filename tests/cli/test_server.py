"""A study run and followed through a server's API, against a server that answers as Airflow."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from include.cli import server as module
from include.cli.main import main

pytestmark = pytest.mark.sockets
RUNS = "/api/v2/dags/operator_benchmark/dagRuns"


def task(name, state, *, index=-1, shown=None):
    return {
        "task_id": name,
        "state": state,
        "map_index": index,
        "start_date": None,
        "rendered_map_index": shown,
    }


class Airflow(BaseHTTPRequestHandler):
    """What the command asks for; `looks` are the answers of one look after the other."""

    looks = ()
    asked = ()
    password = "secret"  # noqa: S105  of the test

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked = (*self.asked, (self.path, body))
        if self.path == "/auth/token":
            is_right = body == {"username": "admin", "password": self.password}
            self._answer(
                201 if is_right else 401,
                {"access_token": "t"} if is_right else {"detail": "Invalid credentials"},
            )
        else:
            self._answer(200, {"dag_run_id": "manual+1"})

    def do_GET(self):
        assert self.headers["Authorization"] == "Bearer t"
        assert self.path.startswith(f"{RUNS}/manual%2B1")
        state, tasks = self.looks[0]
        if "taskInstances" in self.path:
            type(self).looks = self.looks[1:] or self.looks
            self._answer(200, {"task_instances": tasks})
        else:
            note = "**Result:** both alike" if state != "running" else None
            self._answer(200, {"dag_run_id": "manual+1", "state": state, "note": note})

    def _answer(self, code, body):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@contextmanager
def serving(looks):
    handler = type("Handler", (Airflow,), {"looks": looks, "asked": ()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        polling = {"poll_interval": 0.01}
        Thread(target=server.serve_forever, kwargs=polling, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    monkeypatch.setenv("OPBENCH_PASSWORD", "secret")


@pytest.mark.parametrize(("state", "code"), [("success", 0), ("failed", 1)])
def test_a_study_is_followed_to_its_end_and_the_exit_code_is_the_runs(capsys, state, code):
    looks = [
        ("running", [task("plan", "success"), task("preflight", "queued")]),
        (
            "running",
            [
                task("plan", "success"),
                task("phase_1.points", "running", index=0, shown="mpi_operator · 2 nodes · 1"),
            ],
        ),
        (state, [task("plan", "success"), task("verdict", state)]),
    ]
    with serving(looks) as (base, handler):
        assert main(["run", "simulated_demo", "--server", base]) == code
    told = capsys.readouterr()
    assert told.out == f"{state}: **Result:** both alike\n"
    assert told.err.splitlines()[1:] == [
        "plan: success",
        "mpi_operator · 2 nodes · 1: running",
        f"verdict: {state}",
    ]
    path, body = handler.asked[1]
    assert (path, body) == (RUNS, {"logical_date": None, "conf": {"preset": "simulated_demo"}})


def test_a_run_of_before_is_followed_by_its_id(capsys):
    with serving([("success", [])]) as (base, _):
        assert main(["follow", "manual+1", "--server", base, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "success"


def test_a_wrong_password_is_told_in_the_servers_words(capsys, monkeypatch):
    monkeypatch.setenv("OPBENCH_PASSWORD", "guess")
    with serving([]) as (base, _):
        assert main(["run", "simulated_demo", "--server", base]) == 2
    assert "answers 401: Invalid credentials" in capsys.readouterr().err


def test_a_study_with_a_mistake_never_reaches_the_server(capsys):
    with serving([]) as (base, handler):
        assert main(["run", '{"node": [1]}', "--server", base]) == 2
    assert handler.asked == ()
    assert "did you mean nodes?" in capsys.readouterr().err


def test_no_server_is_something_to_name(capsys, monkeypatch):
    monkeypatch.delenv("OPBENCH_SERVER", raising=False)
    assert main(["follow", "x"]) == 2
    assert "--server URL" in capsys.readouterr().err
