"""No measurement is lost to a store that is full, read-only or damaged."""

from __future__ import annotations

import pytest

from include.errors import ParseError
from include.results import Results, TolerantResults
from include.study.run_point import NotStored, run_point
from include.study.verdict import StudyIncomplete, judge
from tests.kube.scripted_jobs import ScriptedJob
from tests.study.test_run_point import operator, point, server, setting  # noqa: F401  fixtures
from tests.study.test_verdict import PLAN

pytestmark = pytest.mark.sockets
FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["job.log", "timeline.json", "record.json"])
def test_a_measurement_that_cannot_be_stored_is_handed_over_and_adopted_later(
    server,  # noqa: F811
    setting,  # noqa: F811
    point,  # noqa: F811
    operator,  # noqa: F811
    monkeypatch,
    name,
):
    ScriptedJob(server[0], operator)
    write = Results.write_bytes

    def full(self, relative, data):
        if relative.endswith(name):
            raise FULL
        write(self, relative, data)

    with monkeypatch.context() as patched:
        patched.setattr(Results, "write_bytes", full)
        with pytest.raises(NotStored, match="was measured, and could not be stored") as raised:
            run_point(point, setting)
    assert raised.value.record.status == "valid"
    assert setting.results.record(point.point_id) is None
    assert run_point(point, setting).status == "valid"  # the ended job is adopted
    assert setting.results.record(point.point_id).deleted_at is not None


def test_a_store_that_takes_nothing_is_told_before_a_job_is_made(
    server,  # noqa: F811
    setting,  # noqa: F811
    point,  # noqa: F811
    operator,  # noqa: F811
    monkeypatch,
):
    ScriptedJob(server[0], operator)

    def full(*_):
        raise FULL

    monkeypatch.setattr(Results, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run_point(point, setting)
    assert not [path for method, path in server[0].requests if method == "POST"]


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    results = Results(tmp_path)
    results.write_text("points/p1/record.json", '{"study_id": "x')
    results.write_text("plan.json", "{")
    with pytest.raises(ParseError, match=r"points/p1/record\.json cannot be read .* clear the"):
        results.record("p1")
    with pytest.raises(ParseError, match=r"plan\.json cannot be read .*; move it away"):
        results.plan()
    records, unreadable = results.readable_records()
    assert records == ()
    assert "points/p1/record.json cannot be read" in unreadable["p1"]


def test_the_verdict_names_the_point_whose_record_is_damaged():
    with pytest.raises(StudyIncomplete, match=r"p1\): its record is damaged"):
        judge(PLAN, records=(), losses={}, states={}, unreadable={"p1": "its record is damaged"})


def test_tolerant_results_keep_what_went_wrong(tmp_path, monkeypatch):
    def full(*_):
        raise FULL

    monkeypatch.setattr(Results, "write_bytes", full)
    tolerant = TolerantResults(tmp_path, [])
    tolerant.of_point("p").write_text("a", "b")
    assert tolerant.failures == [FULL]
