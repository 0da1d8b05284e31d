"""The Helm example installed on the local cluster's nodes: `make helm-test CHART=...`.

The tests follow each other. Airflow's chart is brought by whoever runs them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from include.embedded import local_cluster, removal
from include.embedded.paths import state_root
from include.kube.kinds import JOB, POD, ResourceKind
from include.models import Study
from tests.airflow_server import DAG, wait
from tests.deployment.docker import CannotRun, Docker
from tests.deployment.helm import RELEASE, Installation, images_for_nodes, is_ready
from tests.deployment.stack import make_images
from tests.system import in_cluster
from tests.system.conftest import LOCAL, why_not

pytestmark = [pytest.mark.system, pytest.mark.sockets, pytest.mark.timeout(3600)]
STUDY_ID = "helm-test"
CRON_JOB = ResourceKind(group="batch", version="v1", plural="cronjobs", kind="CronJob")
PARTS = ("api-server", "dag-processor", "scheduler")


@pytest.fixture(scope="module")
def chart():
    if not (given := os.environ.get("HELM_CHART")):
        pytest.skip("takes a quarter of an hour, Docker and Airflow's chart: run `make helm-test`")
    if shutil.which("helm") is None:
        pytest.skip("helm is not on PATH")
    return Path(given)


@pytest.fixture(scope="module")
def images(chart, tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    docker = Docker(Path(tempfile.mkdtemp(prefix="operator-benchmark-docker-")))
    try:
        docker.start()
        make_images(docker)
        return images_for_nodes(docker, tmp_path_factory.mktemp("nodes"))
    except CannotRun as err:
        pytest.skip(f"no image of the project without Docker: {err}")
    finally:
        docker.stop()


@pytest.fixture(scope="module")
def handle(images):
    """Two nodes that have the images and can reach the API server by its Service."""
    study = Study(nodes=(1, 2))
    reservation = LOCAL.reserve(study, study_id=STUDY_ID)
    try:
        local_cluster.create(reservation, root=state_root(), images=images)
        handle = LOCAL.wait_ready(reservation, study)
        with in_cluster.api_service():
            yield handle
    finally:
        LOCAL.delete(reservation)
        assert removal.leftovers(state_root()) == ()


@pytest.fixture(scope="module")
def installed(handle, chart):
    found = Installation(local_cluster.layout_of(state_root()))
    found.prepare()
    found.install(chart)
    return found


def test_every_part_is_ready_and_none_was_restarted(installed):
    running = {name: pod for name, pod in installed.pods().items() if name.startswith(RELEASE)}
    for part in PARTS:
        (pod,) = (p for p in running.values() if p["metadata"]["labels"]["component"] == part)
        assert is_ready(pod)
        assert [state["restartCount"] for state in pod["status"]["containerStatuses"]] == [0]


def test_no_pod_is_root_or_can_write_to_its_image(installed):
    for pod in installed.kube.list(POD, selector=f"release={RELEASE}").items:
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"], container["name"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_study_runs_in_pods_of_its_own_and_its_report_is_shown(installed, handle):
    airflow = installed.api()
    wait(lambda: airflow.call(DAG), 300)
    study = {
        "name": "helm",
        "cluster": "existing",
        "cluster_options": {"kubeconfig": "/run/credentials/kubeconfig"},
        "image": handle.image,
        "operators": ["indexed_job"],
        "nodes": [1],
        "ranks_per_node": 1,
        "repeats": 2,
        "warmups": 0,
    }
    run_id = airflow.trigger(study)
    state = airflow.end(run_id, 1500)
    tasks = airflow.tasks(run_id)
    assert state == "success", tasks
    assert {tasks["phase_1.points", index] for index in (0, 1)} == {"success"}
    page = f"/operator-benchmark/report/operator_benchmark/{run_id}"
    status, text = airflow.read(page, token=airflow.token)
    assert (status, "2 valid of 2 planned repeats" in text) == (200, True)


def test_a_tasks_log_is_shown_after_its_pod_is_gone(installed):
    airflow = installed.api()
    (run,) = airflow.call(f"{DAG}/dagRuns")["dag_runs"]
    wait(lambda: not installed.kube.list(POD, selector="component=worker").items, 120)
    place = f"{DAG}/dagRuns/{run['dag_run_id']}/taskInstances/plan/logs/1"
    status, text = airflow.read(place, token=airflow.token)
    assert status == 200
    assert "2 points" in text


def test_housekeeping_cleans_the_database(installed):
    schedule = installed.kube.get(CRON_JOB, "airflow-housekeeping")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "housekeeping-now"},
        "spec": schedule["spec"]["jobTemplate"]["spec"],
    }
    installed.kube.apply(job)
    wait(lambda: installed.kube.get(JOB, "housekeeping-now")["status"].get("succeeded") == 1, 300)


def test_uninstalling_leaves_what_was_there_before(installed):
    assert "uninstalled" in installed.uninstall()
    wait(lambda: not installed.kube.list(POD, selector=f"release={RELEASE}").items, 300)
    assert {name for name in installed.pods() if is_ready(installed.pods()[name])} >= {"postgres"}
