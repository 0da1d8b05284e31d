"""Faults of Airflow itself: what is noted of them; the playing is `make faults`."""

import contextlib
import sqlite3
import sys
import threading
import time

import psutil
import pytest

from include.drills import airflow, database, faults
from include.drills.outcome import Outcome
from include.errors import BenchmarkError


def outcome():
    return Outcome(cluster="simulated", case="x", points=2)


def test_a_point_that_was_tried_twice_breaks_the_promise():
    noted = outcome()
    airflow._note_tries({"phase_1.points_0": 2, "phase_1.points_1": 1, "preflight_-1": 2}, noted)
    assert noted.broken == ["phase_1.points_0 was tried 2 times"]


def test_the_end_of_airflow_has_to_name_the_part(monkeypatch, tmp_path):
    monkeypatch.setattr(airflow.scheduler, "HOME", tmp_path)
    monkeypatch.setattr(airflow, "END_LIMIT_S", 0.0)
    case = next(case for case in airflow.cases() if case.ended_part == "scheduler")
    noted = outcome()
    (tmp_path / "bench.log").write_text("starting\n")
    airflow._await_end(case, noted)
    assert noted.named_at is None
    (tmp_path / "bench.log").write_text("error: the scheduler ended, so Airflow is stopped\n")
    airflow._await_end(case, noted)
    assert noted.named_at is not None
    assert "the scheduler ended" in noted.messages[0]


def test_a_locked_database_answers_nobody_and_then_again(monkeypatch, tmp_path):
    monkeypatch.setattr(database.scheduler, "HOME", tmp_path)
    path = tmp_path / "airflow.db"
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("create table t (x)")
    with database.sqlite() as opened:
        lock = threading.Thread(target=opened.silence, args=(0.5,))
        lock.start()
        time.sleep(0.2)
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("insert into t values (1)")
            lock.join()
            other.execute("insert into t values (1)")


def test_a_part_of_airflow_is_known_by_its_command(tmp_path):
    script = tmp_path / "api_server"
    script.write_text("import time; time.sleep(60)")
    parent = psutil.Popen([sys.executable, "-c", PARENT, sys.executable, str(script)])
    try:
        with database.sqlite() as opened:
            ui = airflow.Airflow(pid=parent.pid, database=opened)
            end = time.monotonic() + 20
            while time.monotonic() < end and not parent.children():
                time.sleep(0.05)
            time.sleep(0.2)
            assert ui.part("api-server").ppid() == parent.pid
            with pytest.raises(BenchmarkError, match="scheduler does not run"):
                ui.part("scheduler")
    finally:
        for child in parent.children():
            child.kill()
        parent.kill()
        parent.wait()


PARENT = "import subprocess, sys; subprocess.run(sys.argv[1:])"


def test_airflows_own_faults_are_listed(capsys):
    assert faults.main(["--cluster", "airflow", "--list"]) == 0
    listed = capsys.readouterr().out
    assert "locked for 30 s" in listed
    assert "API server stopped for 10 s" in listed
    assert "busy processes per core for 90 s" in listed
