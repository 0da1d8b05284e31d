"""No secret that a run makes is in anything that it stores, logs or prints."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from include.embedded import flux_view, programs
from include.errors import ClusterError
from include.k8s_operators import load
from include.project import ROOT
from tests.system.secrets_made import Collector, files_with_a_secret, texts_with_a_secret

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
KEYS = "find /root/.ssh /mnt /flux_operator '(' -name 'id_*' -o -name curve.cert ')'"
SHOWS_ITS_KEYS = {
    "application": "command",
    "application_options": {
        "program": "bash",
        "arguments": ["-c", f"{KEYS} -exec cat {{}} ';' 2> /dev/null; env; exit 3"],
        "figures": [
            {
                "name": "n",
                "pattern": "^n ([0-9]+)$",
                "unit": "1",
                "better": "higher",
                "primary": True,
            }
        ],
    },
}


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A home of Airflow for these runs alone."""
    folder = tmp_path_factory.mktemp("homes")
    env = os.environ | {"OPERATOR_BENCHMARK_HOMES": str(folder)}
    (folder / "test-run").mkdir()
    subprocess.run(
        [ROOT / "bin/airflow", "test-run", "db", "migrate"],
        env=env,
        check=True,
        capture_output=True,
    )
    return folder, env


def has_flux():
    controller = load("flux_operator").controller
    try:
        return bool(programs.find(controller) and flux_view.at_hand(None))
    except ClusterError:
        return False


@pytest.mark.parametrize(
    ("more", "code"), [({}, 0), (SHOWS_ITS_KEYS, 1)], ids=["good", "shows its keys and fails"]
)
def test_no_secret_of_a_run_is_stored_logged_or_printed(
    no_cluster, state_folder, homes, tmp_path, more, code
):
    operators = ["mpi_operator", *(["flux_operator"] if has_flux() else [])]
    folder, env = homes
    study = {
        "name": f"kept{os.getpid()}",
        "results": str(tmp_path / "results"),
        "operators": operators,
        "design": "interleaved",
        "nodes": [2],
        "repeats": 1,
        "warmups": 0,
        "point_timeout_s": 120,
        **more,
    }
    with Collector(state_folder) as collector:
        done = subprocess.run(
            [ROOT / "bin/demo", json.dumps(study)], env=env, capture_output=True, check=False
        )
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed.decode()
    wanted = {"the cluster's own keys", "keys of an MPIJob"}
    assert collector.kinds >= wanted | ({"certificate of a MiniCluster"} if has_flux() else set())
    assert list((tmp_path / "results").rglob("job.log"))
    assert files_with_a_secret([tmp_path / "results", folder], collector.secrets) == []
    needles = {secret.encode(): what for secret, what in collector.secrets.items()}
    assert texts_with_a_secret(printed, needles) == []


def test_a_secret_in_a_file_is_found(tmp_path):
    key = "-----BEGIN EC PRIVATE KEY-----\n" + "a1" * 32 + "\n-----END EC PRIVATE KEY-----\n"
    collector = Collector(tmp_path)
    collector.take(key, "key")
    collector.take(f'curve\n    secret-key = "{"#" * 40}"\n', "certificate")
    (tmp_path / "log").write_text("before " + "a1" * 32 + " after")
    (tmp_path / "clean").write_text("-----BEGIN EC PRIVATE KEY-----")
    assert files_with_a_secret([tmp_path], collector.secrets) == [f"{tmp_path / 'log'}: key"]
    assert collector.kinds == {"key", "certificate"}
