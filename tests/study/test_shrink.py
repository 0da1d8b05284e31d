"""Nodes that no later point needs are given back, and no others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import clusters
from include.cost.saved import SHRINK
from include.errors import ClusterError
from include.models import ClusterHandle, Study
from include.results import Results, step_times
from include.study import shrink
from include.study.pools import pool_of, still_needed
from tests.plans import make_plan

STUDY = Study(
    cluster="simulated",
    cluster_options={"nodes": 8},
    nodes=(2, 8, 4),
    repeats=2,
    warmups=1,
    design="interleaved",
    node_order="descending",
    spare_nodes=1,
)
PLAN = make_plan(STUDY, study_id="lean-1234abcd")
WORKERS = tuple(f"worker-{number}" for number in range(8))
HANDLE = ClusterHandle(
    study_id="lean-1234abcd",
    cluster="simulated",
    namespace="study",
    nodes=8,
    expires_at=datetime(2099, 1, 1, tzinfo=UTC),
    kubernetes_version="v1",
    instance_type=None,
    image="image",
    image_digest=None,
    image_pull_policy="Never",
    worker_nodes=WORKERS,
)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


@pytest.fixture
def kept(monkeypatch):
    """What the cluster was told to keep, call by call."""
    calls = []
    cluster = type(clusters.load("simulated"))
    monkeypatch.setattr(cluster, "keep_workers", lambda _self, _handle, names: calls.append(names))
    monkeypatch.setattr(cluster, "paid_since", lambda *_: ())
    return calls


def due(nodes):
    return [point for point in PLAN.points if point.nodes <= nodes]


def test_sizes_come_in_descending_order_each_with_its_warm_ups_first():
    runs = [(p.nodes, p.is_warmup) for p in PLAN.points]
    assert [nodes for nodes, _ in runs] == sorted((n for n, _ in runs), reverse=True)
    for nodes in STUDY.nodes:
        kinds = [is_warmup for size, is_warmup in runs if size == nodes]
        assert kinds == sorted(kinds, reverse=True)


def test_workers_of_a_smaller_size_are_among_those_of_a_larger_one():
    pools = [set(pool_of(STUDY, nodes=nodes, workers=8)) for nodes in (2, 4, 8)]
    assert pools[0] < pools[1] < pools[2]
    assert [len(pool) for pool in pools] == [3, 5, 8]


def test_every_point_runs_on_workers_that_are_kept_for_it():
    for place, point in enumerate(PLAN.points):
        assert set(point.workers) <= set(still_needed(PLAN, PLAN.points[place:], workers=8))


def test_another_seed_keeps_other_workers():
    pools = {
        pool_of(STUDY.model_copy(update={"seed": seed}), nodes=2, workers=8) for seed in range(9)
    }
    assert len(pools) > 1


def test_nothing_is_given_back_while_the_largest_size_is_due(results, kept):
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(8))
    assert kept == []


def test_workers_are_given_back_once_before_the_next_size(results, kept):
    for _ in range(2):
        shrink.give_back(results, HANDLE, plan=PLAN, due=due(4))
    (names,) = kept
    assert names == tuple(WORKERS[i] for i in sorted(pool_of(STUDY, nodes=4, workers=8)))
    assert [step.name for step in step_times.read(results)] == [f"{SHRINK}-5"]
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(2))
    assert len(kept[1]) == 3


def test_a_shuffled_study_gives_nothing_back(results, kept):
    shuffled = Study.model_validate(STUDY.to_json() | {"node_order": "shuffled"})
    plan = make_plan(shuffled, study_id="lean-1234abcd")
    shrink.give_back(results, HANDLE, plan=plan, due=due(2))
    assert kept == []


def test_a_point_that_needs_more_than_is_left_is_refused_with_what_to_do(results, kept):
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(2))
    with pytest.raises(ClusterError, match="needs 8 nodes, and 3 are left: .*start a study"):
        shrink.give_back(results, HANDLE, plan=PLAN, due=due(8))


def test_a_cluster_that_cannot_give_nodes_back_costs_no_measurement(
    results, kept, monkeypatch, caplog
):
    def refuse(*_):
        raise ClusterError("throttled")

    monkeypatch.setattr(type(clusters.load("simulated")), "keep_workers", refuse)
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(4))
    assert "could not be given back: throttled" in caplog.text
    assert not results.exists(shrink.FILE)


def test_a_cluster_that_never_gives_nodes_back_is_asked_for_nothing(results, kept):
    local = HANDLE.model_copy(update={"cluster": "local"})
    shrink.give_back(results, local, plan=PLAN, due=due(4))
    shrink.give_all_back(results, local)
    assert kept == []
    assert step_times.read(results) == ()
    shrink.give_back(results, local, plan=PLAN, due=due(8))  # and none is missing later


def test_all_workers_are_given_back_when_no_job_follows(results, kept):
    results.write_json("cluster.json", HANDLE.to_json())
    as_it_was_ready = HANDLE.model_copy(update={"worker_nodes": ()})
    shrink.give_all_back(results, as_it_was_ready)
    assert kept == [()]
    assert shrink.kept_workers(results, HANDLE) == ()
    assert [step.name for step in step_times.read(results)] == [f"{SHRINK}-0"]


def test_a_cluster_that_is_made_again_has_all_its_workers(results, kept):
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(2))
    shrink.keep_all(results, HANDLE)
    shrink.give_back(results, HANDLE, plan=PLAN, due=due(8))  # else it would lack nodes
    assert shrink.kept_workers(results, HANDLE) == WORKERS
