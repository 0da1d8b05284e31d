"""The services in real containers: `make compose-test`. The tests follow each other."""

from __future__ import annotations

import json
import os
import re
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.airflow_server import DAG, wait
from tests.deployment.docker import ROOT, CannotRun, Docker, mounts_below
from tests.deployment.stack import IMAGE, SIDE_STUDY, bring_up, make_images

pytestmark = [pytest.mark.sockets, pytest.mark.timeout(3600)]
LASTING = ("api-server", "dag-processor", "housekeeping", "object-store", "postgres", "scheduler")
STUDY = {
    "name": "containers",
    "cluster": "simulated",
    "operators": ["mpi_operator", "indexed_job"],
    "nodes": [2],
    "ranks_per_node": 2,
    "repeats": 6,
    "warmups": 0,
    "application_options": {"x": 1, "y": 1, "z": 1},
    "cluster_options": {"nodes": 4, "run_s": 80, "start_s": 0.5},
}
RESULTS = "/var/lib/operator-benchmark/results"


@pytest.fixture(scope="module")
def stack():
    if not os.environ.get("COMPOSE_TEST"):
        pytest.skip("takes minutes and a Docker daemon: run `make compose-test`")
    docker = Docker(Path(tempfile.mkdtemp(prefix="operator-benchmark-docker-")))
    found = None
    try:
        try:
            docker.start()
        except CannotRun as err:
            pytest.skip(f"only the configuration is checked: {err}")
        make_images(docker)
        found = bring_up(docker)
        yield found
    finally:
        if found is not None:
            found.compose("down", "--volumes", "--timeout", "30")
        docker.stop()


def restart(stack, service):
    stack.compose("restart", service)
    stack.until_healthy(service)


def end(airflow, run_id):
    return wait(lambda: _state(airflow, run_id), limit_s=900)


def _state(airflow, run_id):
    try:
        return airflow._ended(run_id)
    except OSError:  # restarting
        return None


def until_point(airflow, run_id, index, phase=1):
    """Wait until a point of the run is at work, or has been."""
    states = {}

    def has_begun():
        try:
            states.update(airflow.tasks(run_id))
        except OSError:
            return False
        begun = {"running", "success", "failed", "up_for_retry"}
        return states.get((f"phase_{phase}.points", index)) in begun or _state(airflow, run_id)

    try:
        wait(has_begun, limit_s=900)  # the point before it may take minutes
    except pytest.fail.Exception as err:
        pytest.fail(f"{err}; point {index} of phase {phase} did not begin: {states}")


def records_of(stack, folder):
    files = stack.inside(
        "scheduler", "bash", "-c", f"cat {folder}/points/*/record.json | tr -d '\\n'"
    )
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(files):
        record, place = decoder.raw_decode(files, place)
        found.append(record)
    return found


def test_all_services_are_up_and_none_is_root(stack):
    assert set(stack.containers()) == {*LASTING, "kubernetes"}
    for service in LASTING:
        status = stack.inside(service, "sh", "-c", "cat /proc/[0-9]*/status")
        users = [line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")]
        rights = {line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")}
        assert users
        assert not any("0" in ids for ids in users), service
        assert rights == {"0" * 16}, service


def test_no_secret_is_in_a_variable_or_in_the_image(stack):
    secrets = secrets_of(stack)
    for service, name in stack.containers().items():
        text = stack.docker.run("docker", "inspect", name)
        assert not [s for s in secrets if s in text], service
    assert not [
        s for s in secrets if s in stack.docker.run("docker", "history", "--no-trunc", IMAGE)
    ]


def secrets_of(stack):
    """Every generated secret."""
    folder = "/run/operator-benchmark"
    text = stack.inside(
        "api-server", "bash", "-c", f"cd {folder}/airflow && tail -n +1 *_key *_secret"
    )
    found = [line for line in text.splitlines() if line and not line.startswith("==>")]
    url = stack.inside("api-server", "cat", f"{folder}/airflow/database_url")
    found.append(url.split("@")[0].rpartition(":")[2])
    connection = json.loads(stack.inside("api-server", "cat", f"{folder}/airflow/connections.json"))
    found.append(connection["results_store"]["password"])
    found.append(stack.password)
    assert len(found) == 6
    assert all(len(secret) >= 12 for secret in found)
    return found


def test_a_stranger_is_shown_nothing(stack):
    airflow = stack.api()
    for path in ("/operator-benchmark/studies", f"{DAG}/dagRuns", "/api/v2/connections"):
        assert airflow.read(path, token=None)[0] == 401
        assert airflow.read(path, token=airflow.token)[0] == 200


def test_the_first_click_runs_the_demo_on_simulated_nodes(stack):
    airflow = stack.api()
    run_id = airflow.trigger({})
    assert end(airflow, run_id) == "success"
    folder = stack.inside("scheduler", "bash", "-c", f"echo {RESULTS}/demo-*").strip()
    records = records_of(stack, folder)
    assert len(records) == 16
    assert {(record["cluster"], record["simulated"]) for record in records} == {("simulated", True)}


def test_a_simulated_study_succeeds_while_every_service_is_restarted_in_mid_run(stack):
    airflow = stack.api()
    run_id = airflow.trigger(STUDY)
    for service, phase, index in (
        ("postgres", 1, 0),
        ("scheduler", 1, 3),
        ("api-server", 2, 0),
        ("dag-processor", 2, 2),
    ):
        until_point(airflow, run_id, index, phase)
        assert airflow._ended(run_id) is None, service
        restart(stack, service)
    restart(stack, "object-store")
    assert end(airflow, run_id) == "success"
    folder = stack.inside("scheduler", "bash", "-c", f"echo {RESULTS}/containers-*").strip()
    records = records_of(stack, folder)
    assert len(records) == 12
    assert {record["status"] for record in records} == {"valid"}
    assert {record["code_version"] for record in records} == {"test"}
    report = stack.inside("api-server", "cat", f"{folder}/report.html")
    assert "simulated" in report


def test_points_go_on_when_the_scheduler_is_killed_and_results_reach_the_object_store(stack):
    airflow = stack.api()
    study = SIDE_STUDY | {
        "name": "killed",
        "cluster": "existing",
        "cluster_options": json.loads(
            stack.inside("kubernetes", "cat", "/run/credentials/options.json")
        ),
        "image": "simulated/no-image:none",
        "repeats": 3,
        "warmups": 0,
        "results": "s3://results_store@results/studies",
    }
    run_id = airflow.trigger(study)
    until_point(airflow, run_id, 1)
    stack.compose("kill", "scheduler")
    stack.compose("up", "--detach", "scheduler")
    stack.until_healthy("scheduler")
    assert end(airflow, run_id) == "success"
    files = stack.inside(
        "object-store", "sh", "-c", "cd /data/results/studies/killed-* && find ."
    ).split()
    assert len([path for path in files if path.endswith("record.json")]) == 3
    assert "./report.html" in files
    page = airflow.read(
        f"/operator-benchmark/report/operator_benchmark/{run_id}", token=airflow.token
    )
    assert page[0] == 200
    tries = stack.inside("scheduler", "bash", "-c", "find /opt/airflow/logs -name attempt=2.log")
    assert "points" in tries  # the killed one was taken up again


def test_no_secret_is_logged_stored_or_handed_over(stack):
    secrets = secrets_of(stack)
    words = ("pg_dump", "--username=airflow", "--data-only", "airflow")
    password = stack.inside("postgres", "cat", "/run/secrets/database/password")
    database = stack.inside("postgres", "env", f"PGPASSWORD={password}", *words)
    files = stack.inside(
        "api-server", "bash", "-c", f"find /opt/airflow/logs {RESULTS} -type f -exec cat {{}} +"
    )
    objects = stack.inside("object-store", "sh", "-c", "find /data -type f -exec cat {} +")
    assert "rendered_task_instance_fields" in database
    assert len(files) > 10_000
    for text in (database, files, objects):
        assert not [secret for secret in secrets if secret in text]
    said = {s: stack.compose("logs", "--no-color", s) for s in (*LASTING, "migrate", "first-start")}
    leaked = {(s, secret) for s, text in said.items() for secret in secrets if secret in text}
    assert leaked == {("first-start", stack.password)}  # shown once, on purpose


def test_the_database_has_connections_to_spare(stack):
    password = stack.inside("postgres", "cat", "/run/secrets/database/password")
    count = "select count(*) from pg_stat_activity where datname = 'airflow'"
    words = ("psql", "--username=airflow", "--tuples-only", "--command", count)
    used = int(stack.inside("postgres", "env", f"PGPASSWORD={password}", *words))
    assert used <= 4 * 8 + 1


def test_the_commands_of_the_page_on_operation_work_as_they_stand_there(stack, tmp_path):
    page = (ROOT / "docs" / "operations.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    backup, clean_up, connections = [block for block in blocks if "docker compose exec" in block]
    stack.docker.run("docker", "tag", IMAGE, "operator-benchmark:latest")
    stack.shell(backup, tmp_path)
    stack.shell(clean_up, tmp_path)
    count = re.search(r"^ *(\d+)$", stack.shell(connections, tmp_path), re.MULTILINE)[1]
    assert 0 < int(count) < 50
    kept = {path.name.partition(".")[0]: names_in(path) for path in tmp_path.glob("*.tar.gz")}
    assert "./fernet_key" in kept["airflow-secrets"]
    assert "./passwords.json" in kept["users"]
    assert [name for name in kept["results"] if name.endswith("/record.json")]
    assert [name for name in kept["objects"] if name.endswith("/record.json")]
    restore = """docker compose exec -T postgres sh -c '
      export PGPASSWORD="$(cat /run/secrets/database/password)"
      createdb --username airflow again && pg_restore --username airflow --dbname again
      psql --username airflow --tuples-only --command "select state from dag_run" again'"""
    states = stack.shell(f"{restore} < airflow.dump", tmp_path)
    assert states.split().count("success") >= 3


def names_in(archive):
    with tarfile.open(archive) as found:
        return found.getnames()


def test_down_leaves_nothing(stack):
    stack.compose("down", "--volumes", "--timeout", "30")
    for kind, words in {
        "containers": ("docker", "ps", "--all", "--quiet"),
        "volumes": ("docker", "volume", "ls", "--quiet"),
        "networks": ("docker", "network", "ls", "--quiet", "--filter", "type=custom"),
    }.items():
        assert stack.docker.run(*words) == "", kind
    folder = stack.docker.folder
    assert not [path for path in mounts_below(folder) if "/containers/" in path or "/exec/" in path]
