"""A study's results in an S3 store that is reached through an Airflow connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException
from s3fs import S3FileSystem

from include.errors import StudyError
from include.models import Study
from include.results import Results
from include.study import steps
from include.study.losses import losses
from include.study.turn import next_point
from plugins.study_context import locate
from tests.fakes.points import record_of
from tests.object_store import KEY_ID, SECRET
from tests.plans import make_plan
from tests.records import record

pytestmark = pytest.mark.sockets
LIMITS = {"most_phases": 1, "most_points": 10}


@pytest.fixture
def address(bucket):
    return f"{bucket}/results/study"


@pytest.fixture
def results(address):
    return Results(locate(address))


@pytest.fixture
def asked(monkeypatch):
    """How often each call of the S3 API was made."""
    found = Counter()
    call = S3FileSystem._call_s3

    async def counted(self, method, *args, **kwargs):
        found[method] += 1
        return await call(self, method, *args, **kwargs)

    monkeypatch.setattr(S3FileSystem, "_call_s3", counted)
    return found


def stored(bucket):
    """Every object of a bucket, by its key."""
    return {str(path): path.read_bytes() for path in locate(bucket).glob("**/*.*")}


def test_a_reader_that_has_looked_before_sees_what_others_write_later(results, address):
    reader = Results(locate(address))
    results.write_json("points/a/record.json", record(point_id="a").to_json())
    assert reader.recorded_points() == {"a"}
    assert not reader.exists("report.html")
    results.write_json("points/b/record.json", record(point_id="b").to_json())
    longer = record(point_id="a", error="a much longer record" * 100, status="failed")
    results.write_json("points/a/record.json", longer.to_json())
    results.write_text("report.html", "whole")
    assert Results(locate(address)).recorded_points() == {"a", "b"}
    assert reader.record("a") == longer
    assert reader.read_text("report.html") == "whole"


def test_what_comes_after_a_point_takes_a_few_requests_however_many_points_there_are(
    results, asked
):
    plan = make_plan(Study(operators=("fake_a",), nodes=(1,), repeats=30), study_id="s-1")
    for point in plan.points[:20]:
        results.write_json(f"points/{point.point_id}/record.json", record_of(point).to_json())
        results.write_text(f"points/{point.point_id}/attempts/1/record.json", "{}")
    asked.clear()
    assert next_point(results, plan.phases[0], plan.points[0]) == plan.points[20]
    assert asked.total() <= 5
    asked.clear()
    assert losses(results) == {}
    assert [each.order_index for each in results.records()] == list(range(1, 21))
    assert asked["list_objects_v2"] == 2
    assert asked["get_object"] == 20


def test_an_upload_that_breaks_off_leaves_what_was_there(results, bucket, monkeypatch):
    results.write_text("records.parquet", "the earlier one")
    call = S3FileSystem._call_s3
    first_is_there = asyncio.Event()

    async def breaking(self, method, *args, PartNumber=None, **kwargs):  # noqa: N803  the API's
        if PartNumber is None:
            return await call(self, method, *args, **kwargs)
        if PartNumber > 1 and (await first_is_there.wait()):
            raise ConnectionResetError("the network is gone")
        done = await call(self, method, *args, PartNumber=PartNumber, **kwargs)
        first_is_there.set()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(S3FileSystem, "_call_s3", breaking)
        with pytest.raises(ConnectionResetError):
            results.write_bytes("records.parquet", bytes(100 << 20))  # in two parts
    assert results.read_text("records.parquet") == "the earlier one"
    store = locate(bucket).fs
    uploads = store.call_s3("list_multipart_uploads", Bucket=bucket.partition("@")[2])
    assert not uploads.get("Uploads")


def test_a_connection_that_is_not_there_is_refused_before_anything_is_tried():
    with pytest.raises(AirflowNotFoundException, match="not_there"):
        locate("s3://not_there@bucket/prefix")


def test_a_key_in_the_address_is_refused_without_being_told(tmp_path):
    params = {
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a"],
        "cluster_options": {"journal": str(tmp_path / "journal")},
        "results": f"s3://{KEY_ID}:{SECRET}@bucket/prefix",
    }
    with pytest.raises(StudyError, match="make an Airflow connection") as refused:
        steps.plan_study(params, run_id="run", locate=locate, **LIMITS)
    assert SECRET not in str(refused.value)
    assert not Path(tmp_path / "journal").exists()


def test_no_credential_gets_into_results_errors_or_logs(
    bucket, tmp_path, caplog, monkeypatch, object_store_server
):
    params = {
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a"],
        "cluster_options": {"journal": str(tmp_path / "journal")},
        "results": f"{bucket}/results",
    }
    with caplog.at_level("DEBUG"):
        planned = steps.plan_study(params, run_id="run", dag_id="d", locate=locate, **LIMITS)
        with pytest.raises(FileNotFoundError) as missing:
            Results(locate(bucket.replace("@", "@no-such-"))).write_text("a", "b")
    assert planned.results.startswith(f"{bucket}/results/demo-")
    told = [caplog.text, str(missing.value), planned.model_dump_json()]
    told += [content.decode() for content in stored(bucket).values()]
    assert len(told) > 5
    assert not [text for text in told if SECRET in text]
    assert not [text for text in told[1:] if KEY_ID in text]  # botocore's own debugging names it
