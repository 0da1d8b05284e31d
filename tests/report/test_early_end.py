"""What the report says of a study that ended early."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.cost import account
from include.models import LeftOut, Study
from include.report.content import read_content
from include.report.verdict_text import headline_text
from include.results import Results, step_times
from tests.fakes.points import record_of
from tests.plans import make_plan
from tests.report.study_folder import cluster_of, write_study

START = datetime(2026, 11, 23, tzinfo=UTC)
STUDY = Study(
    operators=("mpi_operator", "indexed_job"),
    nodes=(2, 1),
    repeats=20,
    repeats_min=6,
    warmups=0,
    design="interleaved",
    node_order="descending",
    placement="free",
)


def time_of(point):
    return (1 + (point.k8s_operator == "mpi_operator") / 10) * (10 + point.block / 1000)


@pytest.fixture
def results(tmp_path):
    """A study whose first look decided both sizes."""
    plan = make_plan(STUDY, study_id="early-1234abcd")
    results = Results(tmp_path)
    results.write_json("plan.json", plan.to_json())
    results.write_json("cluster.json", cluster_of(plan).to_json())
    for nodes in (2, 1):
        points = [point for point in plan.points if point.nodes == nodes][:12]
        for point in points:
            record = record_of(point, loop_time_s=time_of(point))
            results.write_json(f"points/{point.point_id}/record.json", record.to_json())
    return results


@pytest.fixture
def content(results):
    return read_content(results)


def test_the_ledger_counts_points_that_no_task_marked_as_after_a_stop(results):
    step = step_times.Step(name="provision", started_at=START, finished_at=START)
    results.write_json("steps/provision.json", step.to_json())
    assert account.ledger_of(results).not_needed == 56


def test_points_that_were_not_needed_are_counted_and_are_no_trouble(content):
    assert content.tally.not_needed == 56
    assert content.tally.lost == 0
    assert content.tally.troubles == ()
    assert "24 valid of 80 planned repeats; 56 were not needed" in content.headline


def test_a_damaged_file_of_the_cluster_is_a_note_and_takes_no_report_away(tmp_path):
    records = [record_of(point, simulated=True) for point in make_plan(STUDY, study_id="e").points]
    results = write_study(tmp_path, records[:2], plan=make_plan(STUDY, study_id="e"))
    results.write_text("cluster.json", "{")
    content = read_content(results)
    assert "cluster.json cannot be read" in content.notes[0]
    assert content.tally.simulated


def test_every_verdict_names_its_look_and_that_the_effect_is_biased(content):
    verdicts = content.analysis.verdicts
    assert [verdict.winner for verdict in verdicts] == ["indexed_job", "indexed_job"]
    for verdict in verdicts:
        assert "stopped at look 1 of 4 (20 planned)" in verdict.measured
        assert "the true difference is likely smaller" in verdict.measured
        assert "99.50 % interval" in verdict.measured
    assert "stopped at look 1 of 4" in headline_text(content)


def test_a_size_that_ended_early_names_a_stand_in_as_the_tables_do(tmp_path):
    study = STUDY.model_copy(update={"operators": ("mpi_operator", "flux_operator")})
    plan = make_plan(study, study_id="early-1234abcd", workers=8)
    version = "stand-in for v1alpha2 (simulated)"
    records = [
        record_of(point, loop_time_s=time_of(point), simulated=True)
        for nodes in (2, 1)
        for point in [each for each in plan.points if each.nodes == nodes][:12]
    ]
    records = [
        record.model_copy(update={"operator_version": version})
        if record.k8s_operator == "flux_operator"
        else record
        for record in records
    ]
    content = read_content(write_study(tmp_path, records, plan=plan))
    (told, *_) = content.answer.effect
    assert "Flux Operator (stand-in) is 9.1 % faster than MPI Operator" in told


def test_the_looks_and_their_levels_are_told(content):
    (note,) = [n for n in content.notes if "looked at its results" in n]
    assert "after 6, 10, 15 and 20 complete blocks" in note
    assert "errors of 1.0, 0.5, 0.5 and 3.0 %, each split over 2 comparisons" in note
    assert "farther from 0 than the true one" in note


def test_a_descending_order_is_told_as_a_factor(content):
    assert any("descending order, so size and time are confounded" in n for n in content.notes)


def test_points_that_are_larger_than_the_cluster_became_are_left_out_and_no_trouble(tmp_path):
    plan = make_plan(STUDY.model_copy(update={"repeats_min": None}), study_id="small-1234abcd")
    results = Results(tmp_path)
    results.write_json("plan.json", plan.to_json())
    results.write_json("cluster.json", cluster_of(plan).to_json())
    for point in plan.points:
        if point.nodes == 1:
            record = record_of(point, loop_time_s=time_of(point))
            results.write_json(f"points/{point.point_id}/record.json", record.to_json())
        else:
            mark = {"task": "t", "reason": LeftOut.TOO_LARGE.value}
            results.of_point(point.point_id).write_json("not_needed.json", mark)
    content = read_content(results)
    assert (content.tally.too_large, content.tally.not_needed, content.tally.lost) == (40, 0, 0)
    assert content.tally.troubles == ()
    assert "40 were left out, as the cluster became smaller than they are" in content.headline
