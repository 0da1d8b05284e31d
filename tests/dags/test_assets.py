"""Other DAGs start when a study has ended, and a nightly study when an asset changes."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import yaml

from tests.airflow_server import FAKE_REPORT, ROOT, SITE, THREE_OPERATORS, serve, wait

pytestmark = [pytest.mark.scheduler, pytest.mark.sockets, pytest.mark.timeout(600)]
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
BUNDLES = [
    {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}},
    {"name": "others", "classpath": LOCAL, "kwargs": {"path": str(ROOT / "tests/fakes/dags")}},
]
NIGHTLY = """\
from pathlib import Path
from include.regression import settings
settings.FILE = Path({file!r})
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Where the DAGs of somebody else keep what they were told."""
    return tmp_path_factory.mktemp("told")


@pytest.fixture(scope="module")
def airflow(told, tmp_path_factory):
    """Airflow with a second bundle of DAGs, and a nightly study that an image starts."""
    home = tmp_path_factory.mktemp("ui")
    study = {
        "name": "on-image",
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a"],
        "nodes": [2],
        "repeats": 1,
        "warmups": 0,
        "cluster_options": {"journal": str(home / "journal")},
    }
    file = home / "nightly.yaml"
    entry = {"asset": "image_of_my_program", "timezone": "UTC", "study": study}
    file.write_text(yaml.safe_dump({"on_image": entry}))
    settings = {
        "OPERATOR_BENCHMARK_FAKE_POINTS": "1",
        "OPERATOR_BENCHMARK_RESULTS": (home / "results").as_uri(),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "TOLD": str(told),
    }
    site = SITE + THREE_OPERATORS + FAKE_REPORT + NIGHTLY.format(file=str(file))
    with serve(home, site=site, **settings) as server:
        for name in ("after_the_demo", "after_any_study", "after_a_night"):
            wait(lambda one=name: server.call(f"/api/v2/dags/{one}"))
        yield server


def told_to(folder, name):
    """The events that started a DAG of somebody else."""
    return wait(lambda: json.loads((folder / f"{name}.json").read_text() or "[]"))


def test_other_dags_start_after_a_study_and_are_told_what_it_found(airflow, told, params):
    run_id = airflow.trigger(params)
    assert airflow.end(run_id) == "success"
    for name in ("after_the_demo", "after_any_study"):
        (event,) = told_to(told, name)
        assert event["headline"] == "What the fake report says."
        assert event["report"].endswith(f"/{event['study_id']}/report.html")
        assert f"/runs/{quote(run_id, safe='')}" in event["run"]
        assert {"verdict", "valid", "planned", "results"} < set(event)


def test_a_nightly_study_starts_when_its_asset_changes_and_tells_of_its_night(airflow, told):
    dag = "/api/v2/dags/nightly_regression"
    airflow.call(dag, {"is_paused": False}, "PATCH")
    assets = airflow.call("/api/v2/assets?name_pattern=image_of_my_program")["assets"]
    (asset,) = [each for each in assets if each["name"] == "image_of_my_program"]
    airflow.call("/api/v2/assets/events", {"asset_id": asset["id"], "extra": {}})
    (run,) = wait(lambda: airflow.call(f"{dag}/dagRuns")["dag_runs"])
    assert run["run_type"] == "asset_triggered"
    (event,) = told_to(told, "after_a_night")
    assert event["series"] == "on_image"
    assert event["verdict"] == "no change"
    assert event["trend"].endswith("/regression/on_image/trend.html")
