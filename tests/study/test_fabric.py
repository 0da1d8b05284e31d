"""A run over several nodes whose ranks sent nothing over the fabric is no valid one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include import clusters
from include.models import Status
from include.models.fabric import Traffic
from include.results import Results
from include.study import fabric, turn
from include.study.fabric import FILE, Fabric
from include.study.run_point import Setting
from include.study.turn import Measurement
from tests.fakes.points import record_of
from tests.study.test_verdict import make_point

NODES = ("worker-0", "worker-1")


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def point_on(nodes):
    return make_point(1).model_copy(update={"nodes": nodes})


def measured(results, monkeypatch, *, sent, nodes=2, status=Status.VALID, known=NODES):
    """The record of a point during which each node sent so many bytes."""
    point = point_on(nodes)
    record = record_of(
        point,
        status=status,
        node_names=NODES[:nodes],
        completed_at=datetime(2026, 12, 1, tzinfo=UTC),
    )
    told = iter([0, sent, sent])

    class Cluster:
        def traffic(self, _handle):
            count, at = next(told), record.completed_at + timedelta(seconds=1)
            limits = {"locked_memory_kib": "unlimited", "shared_memory_kib": 65536}
            one = Traffic(at=at, sent_bytes=count, received_bytes=0, **limits)
            return dict.fromkeys(known, one)

    class Handle:
        cluster = "fake"

    monkeypatch.setattr(clusters, "load", lambda _: Cluster())
    monkeypatch.setattr(turn, "run_point", lambda *_: record)
    monkeypatch.setattr(fabric, "FRESH_S", 0.0)
    setting = Setting(study=None, handle=None, kube=None, results=results)
    return Measurement(point=point, setting=setting, fabric=Fabric(Handle())).run()


def test_run_over_nodes_that_sent_nothing_is_invalid_and_stored_so(results, monkeypatch):
    record = measured(results, monkeypatch, sent=0)
    assert record.status is Status.INVALID
    assert "sent nothing over the fabric between their 2 nodes" in record.error
    assert results.record("p1").status is Status.INVALID


@pytest.mark.parametrize(
    "how",
    [
        {"sent": 1},
        {"sent": 0, "nodes": 1},
        {"sent": 0, "known": ("worker-0",)},  # nobody knows of the other
    ],
)
def test_run_that_used_it_or_needed_none_stays_valid(results, monkeypatch, how):
    assert measured(results, monkeypatch, **how).status is Status.VALID
    assert results.exists(f"points/p1/{FILE}")


def test_failed_run_keeps_its_own_reason(results, monkeypatch):
    record = measured(results, monkeypatch, sent=0, status=Status.FAILED)
    assert record.status is Status.FAILED


def test_run_that_was_recorded_before_is_not_judged_by_what_passes_now(results, monkeypatch):
    earlier = record_of(point_on(2), node_names=NODES)
    results.write_json("points/p1/record.json", earlier.to_json())
    assert measured(results, monkeypatch, sent=0).status is Status.VALID
