from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from include import clusters
from include.cost.account import spent_usd
from include.cost.stretches import PROVISION
from include.models import ClusterHandle, Plan, Study
from include.results import NODES, PREFLIGHT, Results
from include.study import stopping
from include.study.stopping import StudyStopped, lift, require_going, stop, why_stopped
from include.tariff import Tariff

PRICE = Tariff(nodes=3, node_usd_per_hour=2.0, other_usd_per_hour=1.0, source="made up")


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def plan(results, **study):
    found = Plan(study_id="demo-1", study=Study(**study), phases=())
    results.write_json("plan.json", found.to_json())


def handle(**left):
    return ClusterHandle(
        study_id="demo-1",
        cluster="fake",
        namespace="demo-1",
        nodes=2,
        expires_at=datetime.now(UTC) + timedelta(**left),
        kubernetes_version="v1.99.0",
        instance_type=None,
        image="fake",
        image_digest=None,
        image_pull_policy="Never",
    )


def spend(results, *, hours, price=PRICE):
    """A cluster that was asked for so long ago, and two nodes that came an hour later."""
    began = datetime.now(UTC) - timedelta(hours=hours)
    step = {"name": PROVISION, "started_at": began.isoformat()}
    results.write_json(f"steps/{PROVISION}.json", step)
    came = (began + timedelta(hours=1)).isoformat()
    results.write_json(NODES, [{"name": f"n{i}", "since": came} for i in range(2)])
    results.write_json(PREFLIGHT, {"tariff": price.to_json() if price else None})


def test_study_within_its_limits_goes_on(results):
    plan(results, max_usd=100)
    spend(results, hours=3)
    require_going(results, handle(hours=1))
    assert why_stopped(results) is None


@pytest.mark.parametrize(("minutes", "goes_on"), [(121, True), (119, False)])
def test_no_point_is_begun_that_would_outlive_its_cluster(results, monkeypatch, minutes, goes_on):
    ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(type(clusters.load("fake")), "ends_at", lambda *_: ends_at)
    plan(results, point_timeout_s=7200)
    if goes_on:
        require_going(results, handle(hours=1))
    else:
        with pytest.raises(StudyStopped, match="may take 7200 s .*, and its cluster"):
            require_going(results, handle(hours=1))


def test_clusters_with_guards_end_half_an_hour_after_their_time_to_live():
    mine = handle(hours=1)
    assert clusters.load("eks").ends_at(mine) == mine.expires_at + timedelta(minutes=30)
    for name in ("local", "simulated", "existing"):
        assert clusters.load(name).ends_at(mine) is None


def test_what_is_spent_counts_each_node_from_when_it_came(results):
    assert spent_usd(results) is None
    spend(results, hours=3)
    assert spent_usd(results) == pytest.approx(3 * 1.0 + 2 * 2 * 2.0, rel=1e-3)
    spend(results, hours=3, price=None)
    assert spent_usd(results) is None


def test_study_past_its_time_to_live_is_stopped_and_says_so(results):
    plan(results, ttl_hours=4)
    with pytest.raises(StudyStopped, match=r"time to live of 4 h has passed \(ttl_hours\)"):
        require_going(results, handle(seconds=-1))
    assert why_stopped(results) == "its time to live of 4 h has passed (ttl_hours)"


def test_study_past_its_budget_is_stopped_and_says_so(results):
    plan(results, max_usd=10)
    spend(results, hours=3)
    with pytest.raises(StudyStopped, match=r"\$11\.00 have been spent, and max_usd is \$10\.00"):
        require_going(results, handle(hours=1))


def test_a_budget_cannot_stop_a_study_without_a_price(results):
    plan(results, max_usd=0)
    spend(results, hours=3, price=None)
    require_going(results, handle(hours=1))


def test_study_that_was_stopped_stays_so_for_its_first_reason(results):
    plan(results)
    stop(results, "no nodes")
    stop(results, "something else")
    with pytest.raises(StudyStopped, match="^no nodes$"):
        require_going(results, handle(hours=1))
    assert json.loads(results.read_text(stopping.FILE))["reason"] == "no nodes"


def test_study_that_was_stopped_goes_on_when_its_cluster_is_made_anew(results):
    plan(results)
    stop(results, "no nodes")
    lift(results)
    require_going(results, handle(hours=1))
    assert why_stopped(results) is None
    stop(results, "no nodes again")
    with pytest.raises(StudyStopped, match="^no nodes again$"):
        require_going(results, handle(hours=1))


def test_a_task_that_was_refused_and_is_cleared_has_the_study_go_on_and_no_other_does(results):
    plan(results)
    stop(results, "no nodes")
    for task in ("points_3", "points_4"):
        with pytest.raises(StudyStopped, match="^no nodes$"):
            require_going(results, handle(hours=1), task=task)
    require_going(results, handle(hours=1), task="points_3")
    require_going(results, handle(hours=1), task="points_4")
    assert why_stopped(results) is None


def test_a_study_beyond_its_limits_stays_stopped_though_it_is_cleared(results):
    plan(results, ttl_hours=4)
    for task in ("points_1", "points_1"):
        with pytest.raises(StudyStopped, match="time to live of 4 h has passed"):
            require_going(results, handle(seconds=-1), task=task)


def test_a_damaged_note_of_a_stop_holds_until_the_cluster_is_made_anew(results):
    plan(results)
    results.write_text(stopping.FILE, "{")
    with pytest.raises(StudyStopped, match="stopped.json cannot be read"):
        require_going(results, handle(hours=1), task="points_1")
    lift(results)
    require_going(results, handle(hours=1))
