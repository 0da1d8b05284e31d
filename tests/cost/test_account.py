"""The ledger of a study's folder."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.cost import account
from include.cost.ledger import Ledger, Use
from include.models import LeftOut
from include.report.cost_text import cost_section, read_cost
from include.results import NODES, Results, step_times
from include.tariff import PaidNode, Tariff
from tests.records import record
from tests.report.study_folder import plan_of

START = datetime(2026, 11, 23, tzinfo=UTC)
TARIFF = Tariff(nodes=3, node_usd_per_hour=3.6, other_usd_per_hour=0.36, source="a test")


def at(seconds):
    return START + timedelta(seconds=seconds)


def run(*, start, nodes=2, repeat=1, **changes):
    """A run of 5 s until its first line, 20 s of work, 3 s until it is gone."""
    instants = {
        "created_at": at(start),
        "app_started_at": at(start + 5),
        "app_finished_at": at(start + 25),
        "launcher_finished_at": at(start + 25.5),
        "completed_at": at(start + 26),
        "delete_requested_at": at(start + 27),
        "deleted_at": at(start + 28),
    }
    return record(
        point_id=f"demo-1-mpi-operator-{nodes}n-r{repeat}-{start}",
        nodes=nodes,
        ranks=nodes,
        repeat=repeat,
        **{**instants, **changes},
    )


def note(results, name, start, end=None):
    step = step_times.Step(
        name=name, started_at=at(start), finished_at=None if end is None else at(end)
    )
    results.write_json(f"steps/{name}.json", step.to_json())


@pytest.fixture
def results(tmp_path):
    """A study of three runs: one that counts, a warm-up, and a failed one of one node."""
    found = Results(tmp_path)
    records = [
        run(start=150),
        run(start=200, is_warmup=True),
        run(start=250, nodes=1, status="failed", error="x", app_finished_at=None),
    ]
    found.write_json("plan.json", plan_of(records).to_json())
    for each in records:
        found.write_json(f"points/{each.point_id}/record.json", each.to_json())
    nodes = [PaidNode(name=f"node-{n}", since=at(50)) for n in range(3)]
    found.write_json("nodes.json", [node.to_json() for node in nodes])
    found.write_json("preflight.json", {"tariff": TARIFF.to_json()})
    for step in (
        ("provision", 0, 10),
        ("wait_ready", 11, 100),
        ("pull", 100, 120),
        ("install-1", 120, 140),
        ("uninstall-1", 300, 310),
        ("destroy", 310, 360),
    ):
        note(found, *step)
    return found


def by_use(ledger):
    return {entry.use: entry.node_s for entry in ledger.entries if entry.node_s}


def test_every_second_of_a_study_is_accounted_for(results):
    ledger = account.write_ledger(results)
    assert Ledger.model_validate_json(results.read_bytes("cost.json")) == ledger
    assert ledger.paid_node_s == 3 * 310
    assert by_use(ledger) == {
        Use.CREATING: 150,
        Use.PULLING: 60,
        Use.INSTALLING: 90,
        Use.STARTING: 25,
        Use.SOLVING: 2 * 20 + 2 * 20 + 20.5,  # the failed one up to its launcher's last line
        Use.DELETING: 2 * 3 + 2 * 3 + 2.5,
        Use.BESIDE: 28 + 28 + 2 * 28,
        Use.DESTROYING: 150,
        Use.IDLE: 3 * (10 + 22 + 22 + 22),
    }
    assert ledger.useful_node_s == 40
    assert ledger.useful_share == pytest.approx(40 / 930)
    assert ledger.valid_samples == 1
    assert ledger.notes == ()


def test_the_course_of_a_study_is_the_ledger_in_the_order_of_time(results):
    course = account.course_of(results, results.records())
    spent = Counter()
    for part in course:
        spent.update({use: nodes * part.duration_s for use, nodes in part.nodes.items()})
    assert {use: node_s for use, node_s in spent.items() if node_s} == by_use(
        account.ledger_of(results)
    )
    assert (course[0].start, course[-1].end) == (at(50), at(360))
    idle = [part for part in course if part.nodes.get(Use.IDLE)]
    assert [(part.start, part.nodes[Use.IDLE]) for part in idle][:1] == [(at(140), 3)]


def test_a_study_whose_nodes_cannot_be_read_has_no_course(results):
    results.write_text("nodes.json", "half a fi")
    assert account.course_of(results, results.records()) == ()


def test_dollars_are_node_hours_and_what_is_paid_beside_the_nodes(results):
    ledger = account.ledger_of(results)
    assert ledger.other_usd == pytest.approx(0.36 * 360 / 3600)
    assert ledger.usd == pytest.approx(0.93 + 0.036)
    assert ledger.usd_per_valid_sample == ledger.usd
    assert sum(entry.usd for entry in ledger.entries) == pytest.approx(0.93)


def test_a_superseded_attempt_used_nodes_too(results):
    earlier = run(start=281, nodes=3, status="invalid", error="x")
    results.write_json("points/p/attempts/1/record.json", earlier.to_json())
    ledger = account.ledger_of(results)
    assert by_use(ledger)[Use.SOLVING] == 100.5 + 3 * 20
    assert ledger.paid_node_s == 930
    assert ledger.useful_node_s == 40


def test_without_a_price_there_are_node_seconds_only(results):
    results.write_json("preflight.json", {"tariff": None})
    ledger = account.ledger_of(results)
    assert ledger.usd is ledger.other_usd is ledger.usd_per_valid_sample is None
    assert ledger.paid_node_s == 930
    assert "Price: none is known." in cost_section(ledger).notes


def test_a_cluster_that_was_never_asked_for_has_no_ledger(tmp_path):
    results = Results(tmp_path)
    assert account.write_ledger(results) is None
    assert read_cost(results) is None


def test_a_cluster_that_may_still_be_there_is_counted_until_now(results):
    (results.root / "steps" / "destroy.json").unlink()
    ledger = account.ledger_of(results)
    assert ledger.paid_until > at(360)
    assert "not proven" in ledger.notes[0]


def test_a_step_that_was_cut_off_lasts_until_the_next_begins(results):
    note(results, "install-1", 120)
    assert by_use(account.ledger_of(results))[Use.INSTALLING] > 90


def test_nodes_that_nobody_saw_are_said_to_be_missing(results):
    (results.root / "nodes.json").unlink()
    ledger = account.ledger_of(results)
    assert ledger.paid_node_s == 0
    assert "no node was seen" in ledger.notes[0]
    assert ledger.usd == pytest.approx(0.036)


def test_nodes_of_somebody_s_cluster_count_from_when_the_study_began(results):
    old = [PaidNode(name="old", since=at(-9999)).to_json()]
    results.write_json("nodes.json", old)
    assert account.ledger_of(results).paid_node_s == 360


def test_a_node_that_was_given_back_is_counted_until_then(results):
    nodes = [PaidNode(name="node-0", since=at(50)), PaidNode(name="x", since=at(60), until=at(90))]
    results.write_json("nodes.json", [node.to_json() for node in nodes])
    assert account.ledger_of(results).paid_node_s == 310 + 30


def test_a_node_that_is_listed_no_more_stays_as_ended(tmp_path):
    results = Results(tmp_path)
    first, second = (PaidNode(name=name, since=at(0)) for name in ("first", "second"))
    account.note_nodes(results, lambda: (first,))
    account.note_nodes(results, lambda: (second,))
    account.note_nodes(results, lambda: (second,))
    ended, there = account._nodes(results)
    assert (ended.name, there) == ("first", second)
    assert at(0) < ended.until <= datetime.now(UTC)


def test_a_broken_file_costs_the_ledger_and_not_the_report(results, caplog):
    results.write_text("nodes.json", '[{"name": 1}]')
    assert account.write_ledger(results) is None
    assert "there is no ledger" in caplog.text


def test_the_report_s_section_says_what_was_useful_and_what_a_sample_cost(results):
    account.write_ledger(results)
    section = read_cost(results)
    assert section.sentence == (
        "Useful: 4.3 % of 0.2583 paid node-hours were spent solving in valid repeats. "
        "A valid sample cost $0.97, the study $0.97."
    )
    assert ("pulling", "0.0167", "6.5", "$0.0600") in section.rows
    assert section.rows[-2][0] == "control plane and network"
    assert section.rows[-1] == ("total", "0.2583", "100.0", "$0.97")
    launching, price = section.notes
    assert launching == (
        "In valid repeats a launcher was at work for 0.0 % of the paid time, the application for "
        "4.3 %."
    )
    assert price == "Price: a test."


def test_the_first_beginning_of_a_step_that_is_tried_again_counts(tmp_path):
    results = Results(tmp_path)
    with pytest.raises(KeyError), step_times.timed(lambda: results, "destroy"):
        raise KeyError("first")
    (first,) = step_times.read(results)
    assert first.finished_at is None
    with step_times.timed(lambda: results, "destroy"):
        pass
    (second,) = step_times.read(results)
    assert second.started_at == first.started_at
    assert second.finished_at >= second.started_at


def test_nodes_that_cannot_be_listed_are_a_warning(tmp_path, caplog):
    def unreachable():
        raise ConnectionError("no route")

    account.note_nodes(Results(tmp_path), unreachable)
    assert "no route" in caplog.text
    assert not Path(tmp_path, "nodes.json").exists()


def test_a_second_clusters_nodes_do_not_take_the_place_of_the_firsts(tmp_path):
    results = Results(tmp_path)
    first = PaidNode(name="n1", since=datetime(2026, 1, 1, 10, tzinfo=UTC))
    second = PaidNode(name="n1", since=datetime(2026, 1, 1, 11, tzinfo=UTC))
    account.note_nodes(results, lambda: (first,))
    account.note_no_nodes(lambda: results)
    ended = json.loads(results.read_text(NODES))[0]["until"]
    account.note_nodes(results, lambda: (second,))
    noted = json.loads(results.read_text(NODES))
    assert [(each["since"][11:13], each.get("until")) for each in noted] == [
        ("10", ended),
        ("11", None),
    ]


def test_nodes_given_back_and_points_not_needed_are_in_the_ledger_and_its_section(results):
    nodes = [PaidNode(name="node-0", since=at(50))]
    nodes += [PaidNode(name=f"node-{n}", since=at(50), until=at(244)) for n in (1, 2)]
    results.write_json("nodes.json", [node.to_json() for node in nodes])
    note(results, "shrink-1", 240, 245)
    results.write_json("points/left-out/not_needed.json", {"task": "t", "reason": LeftOut.KNOWN})
    ledger = account.write_ledger(results)
    (step,) = ledger.given_back
    assert (step.at, step.duration_s) == (at(240), 5.0)
    assert (step.workers_kept, step.nodes_ended) == (1, 2)
    assert ledger.not_needed == 1
    assert by_use(ledger)[Use.SHRINKING] == 3 * 4 + 1
    notes = read_cost(results).notes
    assert "Not needed, and not paid for: 1 planned point." in notes
    assert "Given back at 00:04:00 UTC, in 5.0 s: 2 nodes; 1 worker kept." in notes


def test_a_point_that_is_measured_again_after_the_end_adds_a_cluster_and_changes_nothing(
    results, monkeypatch
):
    account.note_nodes(results, lambda: ())
    nodes = [PaidNode(name=f"node-{n}", since=at(50), until=at(355)) for n in range(3)]
    results.write_json("nodes.json", [node.to_json() for node in nodes])
    before = account.write_ledger(results)
    for name, begin, end in (("provision", 5000, 5010), ("destroy", 5100, 5110)):
        ticks = iter([at(begin), at(end)])
        clock = SimpleNamespace(now=lambda _, ticks=ticks: next(ticks))
        with monkeypatch.context() as patched:
            patched.setattr(step_times, "datetime", clock)
            with step_times.timed(lambda: results, name):
                pass
    again = PaidNode(name="node-0", since=at(5020))
    stored = [node.to_json() for node in (*nodes, again)]
    results.write_json("nodes.json", stored)
    after = account.write_ledger(results)
    assert after.paid_node_s == before.paid_node_s + 90
    assert after.other_usd == pytest.approx(before.other_usd * (360 + 110) / 360)
    changed = {entry.use for entry in after.entries} - {
        entry.use for entry in after.entries if entry.node_s in {e.node_s for e in before.entries}
    }
    assert changed <= {Use.IDLE, Use.DESTROYING}
    assert account.spent_usd(results) == pytest.approx(after.usd)
