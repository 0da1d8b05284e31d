from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from include.bench import __main__ as bench
from include.bench import gaps, memory, scheduler
from include.embedded.start_times import StartTimes
from include.errors import BenchmarkError
from include.models import Status, Study
from include.results import Results
from include.study.turn import WORK_FILE
from tests.plans import make_plan
from tests.records import record

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


@pytest.fixture
def results(tmp_path):
    """Three points, 10 s apart: the job takes 6 s from its creation, the work on it 9 s."""
    found = Results(tmp_path)
    for number in (1, 2, 3):
        begin = 10 * number
        point_id = f"p{number}"
        row = record(
            point_id=point_id,
            order_index=number,
            repeat=number,
            nodes=2,
            created_at=at(begin),
            pods_running_at=at(begin + 1),
            launcher_started_at=at(begin + 1.5),
            launcher_finished_at=at(begin + 5.25),
            completed_at=at(begin + 6),
            completion_lag_s=0.75,
            delete_s=1.0,
            end_to_end_s=6.0,
        )
        found.write_text(f"points/{point_id}/record.json", row.model_dump_json())
        work = {
            "started_at": at(begin).isoformat(),
            "finished_at": at(begin + 9.5).isoformat(),
        }
        found.write_json(f"points/{point_id}/{WORK_FILE}", work)
    return found


def test_gap_is_from_one_launchers_end_to_the_next_ones_start(results):
    found = gaps.read_gaps(results, nodes=2)
    assert found == gaps.Gaps(
        n=2,
        gap_s=6.25,
        notice_s=0.75,
        delete_s=1.0,
        start_s=1.5,
        airflow_s=0.5,
        pods_running_s=1.0,
        end_to_end_s=6.0,
    )


def test_points_of_other_sizes_are_no_neighbours(results):
    with pytest.raises(BenchmarkError, match="no two neighbouring valid points on 1 nodes"):
        gaps.read_gaps(results, nodes=1)


def test_gaps_of_one_operator_are_told_apart(results):
    assert gaps.read_gaps(results, nodes=2, k8s_operator="mpi_operator").n == 2
    with pytest.raises(BenchmarkError, match="no two neighbouring valid points"):
        gaps.read_gaps(results, nodes=2, k8s_operator="indexed_job")
    plan = make_plan(Study(operators=("mpi_operator",)), study_id="demo-1")
    results.write_json("plan.json", plan.to_json())
    *_, (what, measured, _) = bench._all_gap_rows(results, "dags test")
    assert what == "… between points of mpi_operator, dags test (n = 2)"
    assert measured == "6.25 s, 0.75 s of it until the end is reported"


def test_failed_points_do_not_count(results):
    failed = results.record("p2").model_copy(update={"status": Status.FAILED})
    results.write_text("points/p2/record.json", failed.model_dump_json())
    assert gaps.read_gaps(results, nodes=2).n == 1


def test_memory_of_this_process_is_counted_and_of_none_is_zero():
    assert memory.of_family(os.getpid()) > 0
    assert memory.of_family(2**22 + 1) == 0


def test_table_holds_what_was_measured_and_is_kept(results, monkeypatch, tmp_path, capsys):
    times = StartTimes(
        control_plane_s=2.0, nodes_s=1.0, delete_s=0.5, memory_mib={"etcd": 60.0, "kubelet": 40.0}
    )
    monkeypatch.setattr(bench.start_times, "measure", lambda *_, **__: times)
    rows = bench._gap_rows(gaps.read_gaps(results, nodes=2), "scheduler")
    monkeypatch.setattr(bench, "_dags_test", list)
    monkeypatch.setattr(bench, "_scheduler", lambda: rows)
    monkeypatch.setattr(bench.analysis, "rows", lambda _: [("records", "0.20 s", "< 10 s")])
    monkeypatch.setattr(bench.regression, "rows", list)
    assert bench.main(["--write", str(tmp_path / "benchmarks.md")]) == 0
    printed = capsys.readouterr().out
    assert "| control plane start | 2.00 s (2.00 to 2.00, n = 5) | < 3 s |" in printed
    assert "| memory of the idle cluster | 100 MiB |" in printed
    assert "| … of it Airflow, scheduler (n = 2) | 0.50 s | < 0.6 s |" in printed
    assert "| records | 0.20 s | < 10 s |" in printed
    kept = (tmp_path / "benchmarks.md").read_text()
    assert printed in kept
    assert str(os.cpu_count()) in kept


def test_failing_measurement_is_told_after_what_was_measured_and_writes_nothing(
    monkeypatch, tmp_path, capsys
):
    def fail(*_, **__):
        raise BenchmarkError("a cluster exists")

    monkeypatch.setattr(bench.start_times, "measure", fail)
    monkeypatch.setattr(bench.analysis, "rows", lambda _: [("records", "0.20 s", "< 10 s")])
    monkeypatch.setattr(bench.regression, "rows", list)
    assert bench.main(["--write", str(tmp_path / "benchmarks.md")]) == 1
    said = capsys.readouterr()
    assert "| records | 0.20 s |" in said.out
    assert "error: a cluster exists" in said.err
    assert not (tmp_path / "benchmarks.md").exists()


def test_airflow_that_does_not_start_is_told_with_its_log(monkeypatch, tmp_path):
    program = tmp_path / "bin" / "ui"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho port in use\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(scheduler, "ROOT", tmp_path)
    monkeypatch.setattr(scheduler, "HOME", tmp_path / "home")
    monkeypatch.setattr(scheduler, "POLL_S", 0.01)
    with pytest.raises(BenchmarkError, match="port in use"), scheduler.airflow():
        pass


def test_run_that_fails_is_told(monkeypatch):
    answers = {
        "/auth/token": {"access_token": "t"},
        "/api/v2/dags": {"dags": [{"dag_id": scheduler.DAG}]},
        f"/api/v2/dags/{scheduler.DAG}/dagRuns": {"dag_run_id": "r1"},
        f"/api/v2/dags/{scheduler.DAG}/dagRuns/r1": {"state": "failed"},
    }
    monkeypatch.setattr(scheduler, "_login", dict)
    monkeypatch.setattr(scheduler, "_call", lambda _address, path, **_: answers[path])
    with pytest.raises(BenchmarkError, match="the run r1 is failed"):
        scheduler.run_study("http://here", {})
    answers[f"/api/v2/dags/{scheduler.DAG}/dagRuns/r1"] = {"state": "success"}
    assert scheduler.run_study("http://here", {}) == "r1"
