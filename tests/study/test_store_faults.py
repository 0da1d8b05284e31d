"""No measurement is lost to a store that is full, read-only or damaged."""

from __future__ import annotations

import pytest

from include.cost import account
from include.errors import ParseError
from include.jobs import cleanup
from include.report import image_text
from include.results import Results, TolerantResults, step_times
from include.study import shrink, stopping
from include.study.losses import losses
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


class Unreached:
    """An object store whose client has errors of its own."""

    path = "bucket/x"

    @property
    def fs(self):
        return self

    def __truediv__(self, _):
        return self

    def __str__(self):
        return "s3://bucket/x"

    def pipe_file(self, *_):
        raise RuntimeError("Could not connect to the endpoint")

    def read_bytes(self):
        raise RuntimeError("Could not connect to the endpoint")


def test_a_store_that_cannot_be_reached_is_as_one_that_is_full():
    results = Results(Unreached())
    for call in (lambda: results.write_text("a", "b"), lambda: results.read_bytes("a")):
        with pytest.raises(OSError, match=r"s3://bucket/x cannot be .*: Could not connect"):
            call()
    tolerant = TolerantResults(Unreached(), [])
    tolerant.write_text("a", "b")
    assert len(tolerant.failures) == 1


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


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("kept.json", lambda results: shrink.kept_workers(results, None)),
        ("nodes.json", account._nodes),
        ("preflight.json", account._tariff),
        ("steps/provision.json", step_times.read),
        ("operators/mpi_operator.json", lambda results: results.operator_version("mpi_operator")),
    ],
)
@pytest.mark.parametrize("content", ["", "{", '{"a": "\xff', "\0"])
def test_each_file_that_decides_is_named_when_it_is_damaged(tmp_path, name, read, content):
    results = Results(tmp_path)
    results.write_text(name, content)
    with pytest.raises(ParseError) as raised:
        read(results)
    assert str(raised.value).startswith(f"{name} cannot be read (")
    assert "; move it away" in str(raised.value)


def test_a_damaged_note_of_a_loss_or_a_stop_is_a_loss_or_a_stop_all_the_same(tmp_path):
    results = Results(tmp_path)
    results.write_text("points/p1/loss-2.json", "{")
    results.write_text("points/p2/loss-1.json", "{}")
    results.write_text("stopped.json", "")
    assert losses(results)["p1"].startswith("points/p1/loss-2.json cannot be read (")
    assert losses(results)["p2"].startswith("points/p2/loss-1.json cannot be read (")
    assert stopping.why_stopped(results).startswith("stopped.json cannot be read (")


def test_damaged_files_that_decide_nothing_take_nothing_else_away(tmp_path, caplog):
    results = Results(tmp_path)
    for name in ("nodes.json", "images/phase-1.json", "points/p/attempts/1/record.json"):
        results.write_text(name, "{")
    for name in ("provision", "destroy"):
        with step_times.timed(lambda: results, name):
            pass
    assert account.write_ledger(results) is None
    assert "there is no ledger of the cost: nodes.json cannot be read" in caplog.text
    assert image_text._brought(results, "images/phase-1.json").startswith(
        "Nothing is known of the images of a phase: images/phase-1.json cannot be read ("
    )


def test_a_damaged_version_of_an_operator_is_told_before_its_job_is_made(
    server,  # noqa: F811
    setting,  # noqa: F811
    point,  # noqa: F811
    operator,  # noqa: F811
):
    setting.results.write_text(f"operators/{operator}.json", "{")
    with pytest.raises(ParseError, match=f"operators/{operator}.json cannot be read"):
        run_point(point, setting)
    assert not [path for method, path in server[0].requests if method == "POST"]


def test_a_damaged_timeline_does_not_keep_a_measured_job_from_its_deletion(
    server,  # noqa: F811
    setting,  # noqa: F811
    point,  # noqa: F811
    operator,  # noqa: F811
    monkeypatch,
):
    ScriptedJob(server[0], operator)
    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "delete_point", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_point(point, setting)
    setting.results.write_text(f"points/{point.point_id}/timeline.json", "{")
    record = run_point(point, setting)
    assert (record.status, record.deleted_at is None) == ("valid", False)


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
