"""Runs and follows a study through the API of an Airflow that has this pipeline."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from include.errors import ClusterError, StudyError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DAG = "operator_benchmark"
EVERY_S = 3.0
REQUEST_S = 30
UNANSWERED_S = 180.0  # waits for a restarting server
ENDED = ("success", "failed")
_QUIET = {None, "none", "scheduled", "queued", "removed"}  # states without news for the reader


class Server:
    """The API of one Airflow, with a login."""

    def __init__(self, base: str, *, user: str, password: str) -> None:
        if urlsplit(base).scheme not in {"http", "https"}:
            raise StudyError(f"--server {base}: must begin with http:// or https://")
        self.base = base.rstrip("/")
        self._token: str | None = None
        login = {"username": user, "password": password}
        self._token = self.call("/auth/token", login)["access_token"]

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON; StudyError in the server's words for 4xx, ClusterError without any."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as err:
            raise StudyError(f"{self.base} answers {err.code}: {_detail(err)}") from err
        except OSError as err:
            raise ClusterError(f"{self.base} does not answer: {err}") from err


def _detail(err: urllib.error.HTTPError) -> str:
    text = err.read().decode(errors="replace")
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return text[:200] or err.reason


def _server(given: argparse.Namespace) -> Server:
    base = given.server or os.environ.get("OPBENCH_SERVER")
    if not base:
        raise StudyError("name the Airflow with --server URL, or in OPBENCH_SERVER")
    user = given.user or os.environ.get("OPBENCH_USER", "admin")
    if given.password_file:
        password = Path(given.password_file).read_text().strip()
    elif (password := os.environ.get("OPBENCH_PASSWORD", "")) == "":
        raise StudyError("give the password by --password-file FILE, or in OPBENCH_PASSWORD")
    return Server(base, user=user, password=password)


def run_there(params: Mapping[str, Any], given: argparse.Namespace) -> int:
    """Trigger a run and follow it to its end; 0 when it succeeded, or has begun with --detach."""
    server = _server(given)
    body = {"logical_date": None, "conf": dict(params)}
    run_id = server.call(f"/api/v2/dags/{DAG}/dagRuns", body)["dag_run_id"]
    _tell(f"{server.base}/dags/{DAG}/runs/{quote(run_id, safe='')}")
    if given.detach:
        sys.stdout.write(json.dumps({"run_id": run_id}) + "\n" if given.json else f"{run_id}\n")
        return 0
    return _follow(server, run_id, as_json=given.json)


def follow(given: argparse.Namespace) -> int:
    """Follow a run that was triggered earlier."""
    return _follow(_server(given), given.run_id, as_json=given.json)


def _follow(server: Server, run_id: str, *, as_json: bool) -> int:
    place = f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}"
    shown: dict[str, str] = {}
    answered = time.monotonic()
    while True:
        try:
            run = server.call(place)
            tasks = server.call(f"{place}/taskInstances?limit=1000")["task_instances"]
        except ClusterError:
            if time.monotonic() - answered > UNANSWERED_S:
                raise
        else:
            answered = time.monotonic()
            _tell_changes(tasks, shown)
            if run["state"] in ENDED:
                return _end(run, as_json=as_json)
        time.sleep(EVERY_S)


def _tell_changes(tasks: list[dict[str, Any]], shown: dict[str, str]) -> None:
    for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
        name = task.get("rendered_map_index") or task["task_id"]
        key = f"{task['task_id']}/{task['map_index']}"
        state = task["state"]
        if state in _QUIET or state == "skipped" or shown.get(key) == state:
            continue
        shown[key] = state
        _tell(f"{name}: {state}")


def _end(run: Mapping[str, Any], *, as_json: bool) -> int:
    note = run.get("note") or ""
    if as_json:
        outcome = {"run_id": run["dag_run_id"], "state": run["state"], "note": note}
        sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
    else:
        sys.stdout.write(f"{run['state']}: {note}\n" if note else f"{run['state']}\n")
    return int(run["state"] != "success")


def _tell(line: str) -> None:
    """Write progress to stderr: stdout only has the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
