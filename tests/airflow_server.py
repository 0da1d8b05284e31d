"""A whole Airflow, started by `bin/ui` as a user does, in its own home, and ended by its pid."""

from __future__ import annotations

import contextlib
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

import pytest

ROOT = Path(__file__).resolve().parents[1]
DAG = "/api/v2/dags/operator_benchmark"
LIMIT_S = 150.0  # a busy machine may take long for what takes seconds
REQUEST_S = 40
SITE = """\
import sys
sys.path.append({root!r})
from tests import fakes
fakes.install()
fakes.offer()
"""
START_LIMIT_S = 180  # until the UI answers and the DAG is parsed, on a busy machine
# A study's two operators and one that it leaves out, whose phase is skipped.
THREE_OPERATORS = "fakes.offer_only('fake_a', 'fake_b', 'indexed_job')\n"
FAKE_REPORT = "fakes.stand_in_for_the_report(sys.modules)\n"


class Airflow:
    """The REST API of the Airflow under test."""

    def __init__(self, port, password, *, host="127.0.0.1"):
        self.base = f"http://{host}:{port}"
        self.password = password
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
        with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310
            return json.load(answer)

    def read(self, path, *, token, headers=None):
        """Status and text of a page."""
        sent = (headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.base + path, headers=sent)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310
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

    def clear(self, run_id, task_id, map_index, *, with_all_around=False):
        """Have one mapped task run again, with what is upstream and downstream of it if asked."""
        body = {
            "dry_run": False,
            "include_upstream": with_all_around,
            "include_downstream": with_all_around,
            "only_failed": False,
            "dag_run_id": run_id,
            "task_ids": [[task_id, map_index]],
        }
        self.call(f"{DAG}/clearTaskInstances", body)

    def end(self, run_id, limit_s=LIMIT_S):
        return wait(lambda: self._ended(run_id), limit_s)

    def _ended(self, run_id):
        state = self.call(f"{DAG}/dagRuns/{run_id}")["state"]
        return state if state in {"success", "failed"} else None

    def until_running(self, run_id, task):
        wait(lambda: self.tasks(run_id).get(task) == "running")


def wait(found, limit_s=LIMIT_S):
    """What `found` returns once it returns something."""
    deadline = time.monotonic() + limit_s
    last = None
    while time.monotonic() < deadline:
        try:
            if value := found():
                return value
        except OSError as err:  # the DAG is not parsed yet, or the machine is slow to answer
            last = err
        time.sleep(0.2)
    pytest.fail(f"waited in vain for {limit_s} s; the last error: {last!r}")


@contextlib.contextmanager
def serve(home, *, site=SITE, **settings):
    """An Airflow with the fake adapters next to the real ones; ended as by Ctrl-C."""
    (home / "sitecustomize.py").write_text(site.format(root=str(ROOT)))
    log = home / "ui.log"
    port = free_port()
    own = {
        "OPERATOR_BENCHMARK_HOMES": str(home),
        "PYTHONPATH": str(home),
        "UI_PORT": str(port),
        # No DAG's file changes here, and one takes seconds to be parsed again.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    }
    # Without measuring coverage: tasks end in a way that stores none, and take longer.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "COV"))}
    command = [ROOT / "bin" / "ui"]
    with log.open("w") as out:
        ui = subprocess.Popen(
            command,
            env=kept | own | settings,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  it calls nothing that could wait for a lock
        )
    try:
        password = wait(
            lambda: re.search(r"^password: (\S+)$", log.read_text(), re.MULTILINE), START_LIMIT_S
        ).group(1)
        found = wait(lambda: Airflow(port, password), START_LIMIT_S)
        wait(lambda: found.call(DAG), START_LIMIT_S)
        yield found
    finally:
        ui.send_signal(signal.SIGINT)
        ui.wait(timeout=90)
    wait(lambda: not _processes_of(home))  # a task's process may end after its parent
    assert (home / "ui" / "jwt_secret").stat().st_mode & 0o077 == 0


def _hear_ctrl_c():
    """What a shell starts in the background, such as these tests, passes on that it hears none."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
