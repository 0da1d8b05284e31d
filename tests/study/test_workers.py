"""Workers between points: kept, replaced when one is lost, and fewer where a study may do so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include import clusters
from include.errors import ClusterError
from include.jobs.spec import _redrawn
from include.results import CLUSTER, Results
from include.study import images, shrink, workers
from tests.study.test_verdict import make_point


class Handle(SimpleNamespace):
    def model_copy(self, *, update):
        return Handle(**{**vars(self), **update})

    def to_json(self):
        return {"worker_nodes": list(self.worker_nodes)}


class Cluster:
    def __init__(self):
        self.lost = ()
        self.kept = []
        self.told = {"nodes.json": "[]"}

    def keep(self, _handle, *, work_s):
        self.kept.append(work_s)

    def lost_workers(self, _handle):
        return self.lost

    def add_workers(self, handle):
        return Handle(**{**vars(handle), "worker_nodes": ("a", "c")})

    def paid_since(self, _handle):
        return ()

    def evidence(self, _reservation):
        if self.told is None:
            raise ClusterError("nobody answers")
        return self.told


@pytest.fixture
def cluster(monkeypatch):
    made = Cluster()
    monkeypatch.setattr(clusters, "load", lambda _: made)
    monkeypatch.setattr(images, "pull_images", lambda *given: made.kept.append("pulled"))
    return made


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


HANDLE = Handle(cluster="fake", nodes=2, worker_nodes=("a", "b"), may_be_smaller=False)
PLAN = SimpleNamespace(study=SimpleNamespace(point_timeout_s=600.0), points=(make_point(1),))


def test_cluster_is_kept_for_as_long_as_the_point_may_take(cluster, results):
    assert workers.made_ready(results, HANDLE, plan=PLAN, phase=None) is HANDLE
    assert cluster.kept == [600.0]


def test_lost_worker_is_replaced_has_the_images_and_is_noted(cluster, results):
    cluster.lost = ("b",)
    handle = workers.made_ready(results, HANDLE, plan=PLAN, phase=object())
    assert handle.worker_nodes == ("a", "c")
    assert cluster.kept == [600.0, "pulled"]
    assert results.find_bytes(CLUSTER)
    workers.made_ready(results, HANDLE, plan=PLAN, phase=None)
    noted = results.find_bytes(workers.CHANGES).decode()
    assert noted.count('"lost"') == 2


def test_sizes_that_do_not_fit_are_left_out_where_the_study_allows_it():
    plan = SimpleNamespace(
        points=tuple(
            make_point(i).model_copy(update={"nodes": n}) for i, n in ((1, 2), (2, 4), (3, 8))
        )
    )
    for may, left_out in ((True, {"p2", "p3"}), (False, set())):
        handle = Handle(worker_nodes=("a", "b", "c"), may_be_smaller=may)
        assert workers.impossible(plan, handle) == left_out


def test_nodes_that_are_not_there_are_drawn_anew_alike_for_a_block():
    assert _redrawn((5, 1, 7), most=4) == _redrawn((5, 1, 7), most=4)
    assert min(_redrawn((5, 1, 7), most=4)) >= 0
    assert len(set(_redrawn((5, 1, 7), most=4))) == 3
    assert _redrawn((2, 0), most=4) == [2, 0]
    assert _redrawn((), most=4) == []


def test_evidence_is_stored_and_its_own_failure_hides_nothing(cluster, results):
    workers.keep_evidence(results, cluster, HANDLE)
    assert results.find_bytes("evidence/nodes.json") == b"[]"
    cluster.told = None
    workers.keep_evidence(results, cluster, HANDLE)


def test_workers_that_were_given_back_are_not_missed(cluster, results):
    shrink.note_kept(results, ["a"])
    cluster.lost = ("b",)
    assert workers.made_ready(results, HANDLE, plan=PLAN, phase=None) is HANDLE


def test_worker_that_is_lost_among_those_that_were_kept_is_replaced_in_its_place(cluster, results):
    handle = HANDLE.model_copy(update={"nodes": 3, "worker_nodes": ("b", "x", "a")})
    shrink.note_kept(results, ["b", "a"])
    cluster.lost = ("b", "x")
    complete = workers.made_ready(results, handle, plan=PLAN, phase=None)
    assert complete.worker_nodes == ("c", "x", "a")
    assert complete.nodes == 3
    assert shrink.kept_workers(results, complete) == ("c", "a")
