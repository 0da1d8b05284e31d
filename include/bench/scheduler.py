"""Runs a study under Airflow's own scheduler, through its REST API, as the UI does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from include import waiting
from include.errors import BenchmarkError
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HOME = ROOT / ".airflow" / "bench"
START_S = 180.0
RUN_S = 1800.0
POLL_S = 0.5
REQUEST_S = 60.0
DAG = "operator_benchmark"
RUNS = f"/api/v2/dags/{DAG}/dagRuns"


@contextmanager
def airflow(settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """Airflow as started by `make ui`, with its own home: its address and process id.

    `settings` are variables of its environment, besides this process's own. BenchmarkError when
    it is not ready in time. It is stopped at the end, on every path.
    """
    port = _free_port()
    environment = {
        **os.environ,
        **(settings or {}),
        "UI_PORT": str(port),
        "UI_HOME": HOME.name,
    }
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "bench.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603
            [str(ROOT / "bin" / "ui")],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_started(process, log_path=HOME / "bench.log")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def run_study(address: str, params: dict[str, Any]) -> str:
    """Trigger a run and wait for its end; returns the run's id.

    BenchmarkError when the run does not succeed or takes too long.
    """
    run_id = trigger(address, params)
    if (state := ended(address, run_id)) != "success":
        raise BenchmarkError(f"the run {run_id} is {state}; see {HOME / 'logs'}")
    return run_id


def trigger(address: str, params: dict[str, Any]) -> str:
    """Start a run as soon as its DAG is known; returns the run's id."""
    token = _token(address)
    _wait_for_dag(address, token)
    body = {"logical_date": None, "conf": params}
    return str(_call(address, RUNS, token=token, body=body)["dag_run_id"])


def ended(address: str, run_id: str) -> str:
    """The state of the run at its end, or the current one when it takes too long."""
    token = _token(address)
    for _ in waiting.looks(limit_s=RUN_S, poll_s=POLL_S):
        state = str(_call(address, f"{RUNS}/{run_id}", token=token)["state"])
        if state in {"success", "failed"}:
            break
    return state


def tries(address: str, run_id: str) -> dict[str, int]:
    """The number of tries of each task of a run, by its id and its map index."""
    path = f"{RUNS}/{run_id}/taskInstances?limit=1000"
    listed = _call(address, path, token=_token(address))["task_instances"]
    return {f"{task['task_id']}_{task['map_index']}": task["try_number"] for task in listed}


def _token(address: str) -> str:
    return str(_call(address, "/auth/token", body=_login())["access_token"])


def _wait_for_dag(address: str, token: str) -> None:
    for _ in waiting.looks(limit_s=START_S, poll_s=POLL_S):
        dags = _call(address, "/api/v2/dags", token=token)["dags"]
        if any(dag["dag_id"] == DAG for dag in dags):
            return
    raise BenchmarkError(f"Airflow does not find the DAG {DAG} after {START_S:.0f} s")


def _login() -> dict[str, str]:
    passwords = json.loads((HOME / "passwords.json").read_text())
    return {"username": "admin", "password": passwords["admin"]}


def _call(
    address: str, path: str, *, token: str | None = None, body: dict[str, Any] | None = None
) -> Any:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address + path, data=data, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310  loopback
        return json.load(answer)


def _wait_started(process: subprocess.Popen[bytes], *, log_path: Path) -> None:
    for _ in waiting.looks(limit_s=START_S, poll_s=POLL_S):
        if "Airflow is at" in log_path.read_text():
            return
        if process.poll() is not None:
            break
    raise BenchmarkError(f"Airflow did not start:\n{log_path.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
