from __future__ import annotations

import pytest
from upath import UPath

from include.models import Study
from tests.plans import make_plan
from include.results import Results
from tests.records import record


@pytest.fixture(params=["directory", "object store"])
def results(request, tmp_path):
    if request.param == "directory":
        return Results(tmp_path / "study")
    return Results(UPath(f"memory://{tmp_path.name}/study"))


def test_written_file_is_read_back(results):
    results.write_text("points/a/job.log", "ƒ 1\n")
    assert results.read_text("points/a/job.log") == "ƒ 1\n"
    assert results.exists("points/a/job.log")
    assert not results.exists("points/b/job.log")


def test_a_file_that_may_be_absent_is_found_or_not(results):
    assert results.find_bytes("stopped.json") is None
    results.write_text("stopped.json", "{}")
    assert results.find_bytes("stopped.json") == b"{}"


def test_plan_is_read_back(results):
    plan = make_plan(Study(), study_id="demo-1")
    results.write_json("plan.json", plan.to_json())
    assert results.plan() == plan


def test_records_come_in_the_planned_order(results):
    for index, point_id in ((2, "a"), (1, "b"), (10, "c")):
        found = record(point_id=point_id, order_index=index)
        results.write_text(f"points/{point_id}/record.json", found.model_dump_json())
    assert [each.point_id for each in results.records()] == ["b", "a", "c"]
    assert results.recorded_points() == {"a", "b", "c"}


def test_study_without_points_has_no_records(results):
    assert results.records() == ()
    assert results.record("a") is None


def test_archived_attempts_are_not_records(results):
    results.write_text("points/a/attempts/1/record.json", record().model_dump_json())
    assert results.recorded_points() == frozenset()


def test_no_partial_file_is_left_under_the_final_name(tmp_path):
    results = Results(tmp_path)
    results.write_text("a.json", "whole")
    with pytest.raises(TypeError):
        results.write_bytes("a.json", 7)
    assert results.read_text("a.json") == "whole"


def test_name_of_the_folder_is_shown(tmp_path):
    assert str(Results(tmp_path)) == str(tmp_path)


def test_a_record_copied_into_another_points_folder_is_damage_and_counts_once(results):
    stored = record(point_id="a").model_dump_json()
    for point_id in ("a", "b"):
        results.write_text(f"points/{point_id}/record.json", stored)
    readable, damaged = results.readable_records()
    assert [each.point_id for each in readable] == ["a"]
    assert damaged["b"].startswith("points/b/record.json cannot be read (it is the record of a")
