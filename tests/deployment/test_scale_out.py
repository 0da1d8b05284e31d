"""Workers on other machines share nothing but the results store and Airflow's database.

A study runs on the cluster `existing`, its points each in a process with folders of its own, its
results in an S3 store. The same study carries canaries: credentials that must show up nowhere.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from include.kube import image_look
from include.results import Results
from include.study import steps
from plugins.study_context import locate
from tests.kube.api_server import serving
from tests.kube.scripted_jobs import ScriptedJob, log_text
from tests.kube.scripted_nodes import Kubelets
from tests.object_store import SECRET

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.sockets
TOKEN = "canary-Y2FuYXJ5LW9mLXRoZS1rdWJlY29uZmln"  # noqa: S105
VARIABLE = "canary/Y2FuYXJ5LW9mLXRoZS12YXJpYWJsZQ"
# What a job may print that dumps its environment and its requests.
CARELESS = f"""\
2026-01-02T03:04:09.900000Z AWS_SECRET_ACCESS_KEY={VARIABLE}
2026-01-02T03:04:09.950000Z > Authorization: Bearer {TOKEN}
"""
LIMITS = {"most_phases": 1, "most_points": 10}


@dataclass
class Ended:
    """What became of the study, and all that was said and kept of it."""

    results: Results
    records: list
    xcoms: dict
    said: str
    folders: list  # of the workers


def kubeconfig(folder, host):
    """A file that reaches the cluster with the canary as its token."""
    folder.mkdir(parents=True)
    path = folder / "kubeconfig"
    named = {
        "clusters": {"cluster": {"server": host}},
        "users": {"user": {"token": TOKEN}},
        "contexts": {"context": {"cluster": "c", "user": "c"}},
    }
    lists = {key: [{"name": "c", **value}] for key, value in named.items()}
    path.write_text(yaml.safe_dump({"current-context": "c", **lists}))
    return path


def work(folder, host, given):
    """Run a point in a process that has neither our folders nor our variables."""
    own = {
        "KUBECONFIG": str(kubeconfig(folder, host)),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "OPERATOR_BENCHMARK_STATE": str(folder / "state"),
        "OPERATOR_BENCHMARK_CACHE": str(folder / "cache"),
        "AWS_SECRET_ACCESS_KEY": VARIABLE,
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    connection = {k: v for k, v in os.environ.items() if k.startswith("AIRFLOW_CONN_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.deployment.worker"],
        input=json.dumps(given),
        env=own | connection,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


@pytest.fixture(scope="module")
def ended(object_store_server, tmp_path_factory):
    """The study, run once for all tests here."""
    from tests.object_store import CONNECTION

    home = tmp_path_factory.mktemp("workers")
    bucket = object_store_server.new_bucket()
    with pytest.MonkeyPatch.context() as patch, serving() as (server, kube):
        patch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", object_store_server.connection)
        patch.setenv("AWS_SECRET_ACCESS_KEY", VARIABLE)
        host = kube.api.configuration.host
        patch.setenv("KUBECONFIG", str(kubeconfig(home / "first", host)))
        server.put("/api/v1/namespaces/study", {"metadata": {"name": "study"}})
        for name in ("n0", "n1"):
            server.put(
                f"/api/v1/nodes/{name}", {"metadata": {"name": name, "labels": {}}, "spec": {}}
            )
        Kubelets(server)
        patch.setattr(image_look, "LIMIT_S", 0.0)  # its pods never run
        ScriptedJob(server, "indexed_job", log=CARELESS.encode() + log_text(ranks=2))
        heard = _Heard()
        logging.getLogger().addHandler(heard)
        patch.setattr(logging.getLogger(), "level", logging.DEBUG)
        try:
            yield _run(home, host, f"s3://{CONNECTION}@{bucket}/studies", heard)
        finally:
            logging.getLogger().removeHandler(heard)


class _Heard(logging.Handler):
    """Everything that is logged, as text."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


def _run(home, host, address, heard):
    params = {
        "cluster": "existing",
        "cluster_options": {"namespace": "study"},
        "operators": ["indexed_job"],
        "nodes": [2],
        "repeats": 2,
        "warmups": 0,
        "image": "registry.test/lammps@sha256:" + "c" * 64,
        "results": address,
    }
    planned = steps.plan_study(params, run_id="run", dag_id="d", locate=locate, **LIMITS)
    results = Results(locate(planned.results))
    reservation = steps.reserve(results)
    steps.provision(results, reservation)
    handle = steps.wait_ready(results, reservation)
    phase = results.plan().phases[0]
    steps.install_phase(results, handle, phase)
    returned = {"plan": planned, "reserve": reservation, "wait_ready": handle}
    xcoms = {name: value.to_json() for name, value in returned.items()}
    records, said, folders = [], [], []
    for number, point in enumerate(phase.points):
        folders.append(home / f"worker-{number}")
        record, output = work(folders[-1], host, {"point": point.to_json(), "xcoms": xcoms})
        records.append(record)
        said.append(output)
    steps.uninstall_phase(results, handle, phase)
    steps.destroy(reservation, open_results=lambda: results)
    return Ended(results, records, xcoms, "\n".join([*said, *heard.lines]), folders)


def test_each_worker_ran_the_point_that_was_due(ended):
    points = ended.results.plan().points
    assert [record["point_id"] for record in ended.records] == [p.point_id for p in points]
    assert {record["status"] for record in ended.records} == {"valid"}


def test_the_store_has_all_that_the_workers_made(ended):
    assert [record.to_json() for record in ended.results.records()] == ended.records
    for point in ended.results.plan().points:
        for name in ("manifest.yaml", "job.log", "events.json", "timeline.json"):
            assert ended.results.exists(f"points/{point.point_id}/{name}")


def test_workers_leave_no_file_behind(ended):
    for folder in ended.folders:
        left = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
        assert left <= {"kubeconfig", "airflow"}


def test_the_run_is_whole_wherever_it_ran(ended):
    steps.check_complete(ended.results, states={}, may_be_skipped=[])


def test_no_canary_is_logged_handed_over_or_stored(ended):
    stored = {str(path): path.read_bytes().decode() for path in ended.results.root.glob("**/*.*")}
    assert len(stored) > 10
    assert "Authorization" in "".join(stored.values())  # the job's log is there, redacted
    told = {**stored, "said": ended.said, "xcoms": json.dumps(ended.xcoms)}
    told["records"] = json.dumps(ended.records)
    told["template fields"] = json.dumps([p.to_json() for p in ended.results.plan().points])
    assert len(ended.said) > 1000
    for canary in (TOKEN, VARIABLE, SECRET):
        assert not [name for name, text in told.items() if canary in text], canary
