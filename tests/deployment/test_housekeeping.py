"""Old logs and old rows go, and nothing else."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from include.deployment import housekeeping

NOW = datetime.now(UTC)


def log(folder, name, *, days):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a log")
    at = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))
    return path


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """What Airflow's command line was asked for; the mark is kept in the test's folder."""
    given = []

    def run(words, **options):
        given.append(words)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(housekeeping.subprocess, "run", run)
    monkeypatch.setattr(housekeeping, "MARK", tmp_path / "mark")
    return given


def test_old_logs_go_with_their_empty_folders_and_newer_ones_stay(tmp_path):
    logs = tmp_path / "logs"
    log(logs, "dag_id=a/run_id=1/task_id=plan/attempt=1.log", days=100)
    kept = log(logs, "dag_id=a/run_id=2/task_id=plan/attempt=1.log", days=10)
    assert housekeeping.delete_old_logs(logs, before=NOW - timedelta(days=90)) == 1
    assert kept.exists()
    assert not (logs / "dag_id=a" / "run_id=1").exists()


def test_the_folder_itself_stays_and_a_missing_one_is_empty(tmp_path):
    log(tmp_path / "logs", "old.log", days=100)
    assert housekeeping.delete_old_logs(tmp_path / "logs", before=NOW) == 1
    assert (tmp_path / "logs").is_dir()
    assert housekeeping.delete_old_logs(tmp_path / "none", before=NOW) == 0


def test_what_a_link_leads_to_stays(tmp_path):
    outside = log(tmp_path, "results/record.json", days=100)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "latest").symlink_to(outside)
    housekeeping.delete_old_logs(tmp_path / "logs", before=NOW)
    assert outside.exists()


def test_a_round_cleans_logs_and_database_and_is_healthy_then(tmp_path, commands):
    log(tmp_path / "logs", "old.log", days=31)
    given = ["--once", "--days=30", f"--logs={tmp_path / 'logs'}"]
    assert housekeeping.main(["--healthy"]) == 1
    started = datetime.now(UTC).replace(microsecond=0)
    assert housekeeping.main(given) == 0
    (words,) = commands
    assert words[:3] == ["airflow", "db", "clean"]
    before = datetime.fromisoformat(words[words.index("--clean-before-timestamp") + 1])
    assert started <= before + timedelta(days=30) <= datetime.now(UTC)
    assert not (tmp_path / "logs" / "old.log").exists()
    assert housekeeping.main(["--healthy"]) == 0


def test_a_database_that_cannot_be_cleaned_is_told_and_unhealthy(tmp_path, commands, monkeypatch):
    def fail(words, **options):
        raise subprocess.CalledProcessError(1, words)

    monkeypatch.setattr(housekeeping.subprocess, "run", fail)
    assert housekeeping.main(["--once", f"--logs={tmp_path}"]) == 1
    assert housekeeping.main(["--healthy"]) == 1


def test_a_round_that_is_missed_is_unhealthy(tmp_path, commands):
    assert housekeeping.main(["--once", f"--logs={tmp_path / 'logs'}"]) == 0
    late = (NOW - housekeeping.LATE - timedelta(minutes=1)).timestamp()
    os.utime(housekeeping.MARK, (late, late))
    assert housekeeping.main(["--healthy"]) == 1


def test_what_is_at_work_is_never_cleaned(commands):
    with pytest.raises(SystemExit):
        housekeeping.main(["--once", "--days=0"])
    assert commands == []
