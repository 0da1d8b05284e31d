"""What the report says of a study that ended early."""

from __future__ import annotations

import pytest

from include.models import Study
from include.report.content import read_content
from include.report.verdict_text import headline_text
from include.results import Results
from include.study.plan import make_plan
from tests.fakes.points import record_of
from tests.report.study_folder import cluster_of

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
def content(tmp_path):
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
    return read_content(results)


def test_points_that_were_not_needed_are_counted_and_are_no_trouble(content):
    assert content.tally.not_needed == 56
    assert content.tally.lost == 0
    assert content.tally.troubles == ()
    assert "24 valid of 80 planned repeats; 56 were not needed" in content.headline


def test_every_verdict_names_its_look_and_that_the_effect_is_biased(content):
    verdicts = content.analysis.verdicts
    assert [verdict.winner for verdict in verdicts] == ["indexed_job", "indexed_job"]
    for verdict in verdicts:
        assert "stopped at look 1 of 4 (20 planned)" in verdict.measured
        assert "the true difference is likely smaller" in verdict.measured
        assert "99.50 % interval" in verdict.measured
    assert "stopped at look 1 of 4" in headline_text(content)


def test_a_descending_order_is_told_as_a_factor(content):
    assert any("descending order, so size and time are confounded" in n for n in content.notes)
