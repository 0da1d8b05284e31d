"""The demo's program around a stand-in for Airflow: what it removes, keeps and says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from include import clusters
from include.embedded import processes, runs

ROOT = Path(__file__).resolve().parents[2]
# It notes the study as the task `plan` does, and ends as it is told.
AIRFLOW = """#!/usr/bin/env bash
echo "running $*"
if [[ -n "${NOTE:-}" ]]; then printf '%s' "$NOTE" > "$OPERATOR_BENCHMARK_STUDY_NOTE"; fi
sleep "${SECONDS_LONG:-0}"
exit "${ENDS_WITH:-0}"
"""
# A cluster of somebody else's that nobody can ask: what is left of it cannot be known.
UNKNOWN = {
    "study_id": "demo-12345678",
    "study": {"cluster": "existing", "cluster_options": {"kubeconfig": "/nope"}, "image": "x"},
}


@pytest.fixture
def demo(tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "bin" / "demo", tmp_path / "bin")
    for name in ("include", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, text in (("opbench", "#!/bin/sh\n"), ("airflow", AIRFLOW)):
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(0o755)

    def start(**more):
        values = {k: v for k, v in os.environ.items() if not k.startswith("OPERATOR_BENCHMARK_")}
        return subprocess.Popen(
            [tmp_path / "bin" / "demo"],
            env=values | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_a_run_that_left_nothing_succeeds_and_its_log_is_kept(demo, tmp_path):
    run = demo()
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, "")
    assert out.splitlines()[-1].endswith("; nothing to clean")
    kept = tmp_path / ".airflow" / "test-run" / "last.log"
    assert kept.read_text().startswith("running test-run dags test operator_benchmark")


def test_a_run_that_failed_fails_the_demo(demo):
    run = demo(ENDS_WITH="1")
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "the study failed after" in out


def test_what_cannot_be_removed_is_told_and_a_later_run_asks_for_its_own_study_alone(demo):
    run = demo(NOTE=json.dumps(UNKNOWN))
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "/nope cannot be read" in err
    assert "still there" in out
    again = demo()
    assert again.communicate(timeout=60)[1] == ""
    assert again.returncode == 0


def test_a_run_that_is_stopped_ends_at_once_and_cleans_up(demo, tmp_path):
    run = demo(SECONDS_LONG="60")
    end = time.monotonic() + 30
    while not list(tmp_path.glob(".airflow/test-run/run-*.log")):
        assert time.monotonic() < end
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "stopped; removing the cluster" in err
    assert "nothing to clean" in out


def until(check, *, limit_s=30):
    end = time.monotonic() + limit_s
    while not (result := check()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return result


def test_two_runs_beside_each_other_share_neither_log_nor_note(demo, tmp_path):
    home = tmp_path / ".airflow" / "test-run"
    first = demo(SECONDS_LONG="60", NOTE=json.dumps(UNKNOWN))
    (note,) = until(lambda: list(home.glob("study-*.json")))
    second = demo()
    out, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert out.splitlines()[-1].endswith("; nothing to clean")
    assert note.exists()
    assert len(list(home.glob("run-*.log"))) == 2
    first.send_signal(signal.SIGTERM)
    assert "/nope cannot be read" in first.communicate(timeout=30)[1]


@pytest.mark.parametrize(("cluster", "is_ended"), [("simulated", True), ("existing", False)])
def test_the_run_of_a_killed_demo_is_ended_where_it_leaves_nothing(
    demo, tmp_path, monkeypatch, caplog, cluster, is_ended
):
    home = tmp_path / ".airflow" / "test-run"
    ends_here = clusters.load(cluster).ends_on_this_machine
    noted = {"study": {"cluster": cluster}, runs.ENDS_HERE: ends_here}
    monkeypatch.setenv("OPERATOR_BENCHMARK_HOMES", str(tmp_path / ".airflow"))
    run = demo(SECONDS_LONG="60", NOTE=json.dumps(noted))
    (note,) = until(lambda: list(home.glob("study-*.json")))
    assert runs.end_orphans() == ()  # somebody waits for it
    run.kill()
    run.wait()
    alive = runs._of_run(note)
    assert alive
    try:
        assert len(runs.end_orphans()) == (len(alive) if is_ended else 0)
        assert any(map(processes.is_alive, alive)) is not is_ended
        assert note.exists() is not is_ended
        assert ("goes on by itself" in caplog.text) is not is_ended
    finally:
        processes.kill(alive)
        run.stdout.close()
        run.stderr.close()
