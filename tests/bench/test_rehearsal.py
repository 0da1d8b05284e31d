"""What a rehearsal took: read from a folder that is made up here."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from include.bench import lean, memory, rehearsal
from include.errors import BenchmarkError
from include.models import LeftOut
from include.results.step_times import Step
from include.tariff import PaidNode
from tests.analysis.synthetic import record
from tests.report.study_folder import write_study

START = datetime(2026, 1, 1, tzinfo=UTC)
STAND_IN = "stand-in for v1alpha2 (0d75cef855de) (simulated)"


def at(seconds):
    return START + timedelta(seconds=seconds)


def point(index, *, phase):
    operator = ("mpi_operator", "flux_operator")[phase - 1]
    created = 10 * index + (5 if phase == 2 else 0)
    return record(
        point_id=f"p{index}",
        k8s_operator=operator,
        operator_version=("v0.8.2", STAND_IN)[phase - 1],
        phase=phase,
        repeat=index,
        order_index=index,
        nodes=64,
        ranks=6016,
        created_at=at(created),
        completed_at=at(created + 6),
        deleted_at=at(created + 8),
        delete_s=2.0,
        simulated=True,
    )


def scheduled(pod, node):
    return {"object": f"Pod/{pod}", "message": f"Successfully assigned ns/{pod} to {node}"}


@pytest.fixture
def results(tmp_path):
    records = [point(index, phase=1 + (index > 2)) for index in (1, 2, 3, 4)]
    found = write_study(tmp_path, records)
    for name, start, end in (("provision", 0, 2), ("wait_ready", 2, 6.5), ("destroy", 60, 61)):
        step = Step(name=name, started_at=at(start), finished_at=at(end))
        found.write_json(f"steps/{name}.json", step.to_json())
    for index in (1, 2):
        pods = [
            scheduled(f"p{index}-launcher-x7k2p", "simulated-launcher"),
            scheduled(f"p{index}-worker-0", "simulated-worker-0001"),
        ]
        found.write_json(f"points/p{index}/events.json", pods)
    for name, version in (("mpi_operator", "v0.8.2"), ("flux_operator", STAND_IN)):
        found.write_json(f"operators/{name}.json", {"operator": name, "version": version})
    return found


def test_table_says_what_must_be_shown(results):
    measured = {what: said for what, said, _ in rehearsal.rows(results, peak_mib=2048)}
    assert measured == {
        "3 nodes Ready": "6.5 s",
        "points valid": "4 of 4 measured",
        "launchers of 64-node points, by node": "simulated-launcher: 2",
        "swap: last pod gone → next operator's resource": "7.0 s",
        "job terminal → next resource, less deletion": "2.0 s (2.0 to 2.0, n = 2)",
        "memory of the whole": "2.00 GiB",
        "cluster asked for → proven gone": "61.0 s",
    }


def test_a_lean_rehearsal_tells_what_it_saved(results, monkeypatch):
    plan = json.loads(results.read_bytes("plan.json"))
    lean_study = {"cluster": "simulated", "cluster_options": {"hourly_price_usd": 3.6}}
    early = {"design": "interleaved", "repeats_min": 6, "repeats": 20, "nodes": [64]}
    plan["study"] |= lean_study | early
    results.write_json("plan.json", plan)
    nodes = [PaidNode(name=f"n{n}", since=at(0), until=at(30.5 if n else 61)) for n in range(65)]
    results.write_json("nodes.json", [node.to_json() for node in nodes])
    step = Step(name="shrink-0", started_at=at(30), finished_at=at(31))
    results.write_json("steps/shrink-0.json", step.to_json())
    results.write_json("points/left-out/not_needed.json", {"task": "t", "reason": LeftOut.KNOWN})
    measured = {what: said for what, said, _ in rehearsal.rows(results, peak_mib=None)}
    paid = 64 * 30.5 + 61
    assert measured["node-hours paid"].startswith(f"{paid / 3600:.2f}")
    assert measured["given back, down to 0 workers"] == "64 nodes in 1.0 s"
    assert measured["points not needed"].startswith("1 of ")
    eks = next(v for what, v in measured.items() if "steps of EKS" in what)
    full = next(v for what, v in measured.items() if "jobs as long as in run 6" in what)
    assert float(eks.rstrip("%")) <= float(full.rstrip("%"))


def test_jobs_at_full_length_add_what_was_not_played_for_every_node_that_was_paid(results):
    nodes = [{"name": f"n{n}", "since": at(0).isoformat()} for n in range(67)]
    nodes += [{"name": "gone", "since": at(0).isoformat(), "until": at(1).isoformat()}]
    played = {"time_scale": 0.25, "launcher_time_s": 17.0, "broker_time_s": None}
    runs = [record.model_copy(update=played) for record in results.records()][:2]
    ledger = SimpleNamespace(paid_node_s=1000.0)
    launching_s, paid_s = lean._at_full_length(ledger, runs, nodes)
    assert launching_s == 2 * 64 * 17
    assert paid_s == 1000 + 2 * 67 * 0.75 * (17 + lean.START_S)


def test_study_that_has_not_ended_is_refused(results):
    (results.root / "steps" / "destroy.json").unlink()
    with pytest.raises(BenchmarkError, match=r"lacks \['destroy'\]"):
        rehearsal.rows(results, peak_mib=None)


def test_finished_rehearsal_is_read_and_kept_with_its_versions(results, tmp_path, capsys):
    kept = tmp_path / "rehearsal.md"
    assert rehearsal.main(["--results", str(results.root), "--write", str(kept)]) == 0
    assert "| memory of the whole | not measured | < 4 GiB |" in capsys.readouterr().out
    text = " ".join(kept.read_text().split())
    assert f"mpi_operator: v0.8.2; flux_operator: {STAND_IN}" in text
    assert "SIMULATED" in text


def test_folder_without_a_study_is_told(tmp_path, capsys):
    assert rehearsal.main(["--results", str(tmp_path)]) == 1
    assert "plan.json" in capsys.readouterr().err


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A stand-in for `bin/demo`: a program of the given body."""

    def write(body):
        program = tmp_path / "bin" / "demo"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\n{body}\n")
        program.chmod(0o755)

    monkeypatch.setattr(rehearsal, "ROOT", tmp_path)
    monkeypatch.setattr(rehearsal.state, "read_or_none", lambda _: None)
    return write


def test_memory_is_looked_at_while_the_study_runs(demo, results, monkeypatch):
    monkeypatch.setattr(rehearsal, "newest", lambda name: (name, results))
    monkeypatch.setattr(rehearsal, "_in_use_mib", lambda _: 7)
    demo(
        'import json, sys; assert json.loads(sys.argv[1]) == {"preset": "rehearsal", "repeats": 3}'
    )
    assert rehearsal._rehearse("rehearsal", 3) == (("rehearse", results), 7)


def test_rehearsal_that_fails_is_told(demo, capsys):
    demo("raise SystemExit(1)")
    assert rehearsal.main(["--repeats", "1"]) == 1
    assert "the rehearsal failed" in capsys.readouterr().err


def test_process_that_is_named_twice_is_counted_once():
    import os

    once = memory.of_family(os.getpid())
    assert memory.of_families([os.getpid()] * 3) <= 1.5 * once
