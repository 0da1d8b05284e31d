"""Workers between points: kept, replaced when one is lost, and fewer where a study may do so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include import clusters
from include.errors import ClusterError
from include.jobs.spec import _node_names, _redrawn
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
        self.there = ("a", "c")
        self.kept = []
        self.told = {"nodes.json": "[]"}

    def keep(self, _handle):
        self.kept.append("kept")

    def lost_workers(self, _handle):
        return self.lost

    def add_workers(self, handle):
        self.kept.append("add_workers")
        if isinstance(self.there, Exception):
            raise self.there
        return Handle(**{**vars(handle), "worker_nodes": self.there})

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
    for step in ("begin_pulling", "finish_pulling"):
        monkeypatch.setattr(images, step, lambda *_, step=step: made.kept.append(step))
    monkeypatch.setattr(images, "stop_pulling", lambda _: made.kept.append("stop_pulling"))
    return made


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


HANDLE = Handle(
    cluster="fake", nodes=2, worker_nodes=("a", "b"), absent_nodes=(), may_be_smaller=False
)
PLAN = SimpleNamespace(study=SimpleNamespace(point_timeout_s=600.0), points=(make_point(1),))


def test_cluster_is_said_to_be_in_use_before_each_point(cluster, results):
    assert workers.made_ready(results, HANDLE, phase=None) is HANDLE
    assert cluster.kept == ["kept"]


def test_lost_worker_is_replaced_has_the_images_and_is_noted(cluster, results):
    cluster.lost = ("b",)
    handle = workers.made_ready(results, HANDLE, phase=object())
    assert handle.worker_nodes == ("a", "c")
    assert cluster.kept == ["kept", "begin_pulling", "add_workers", "finish_pulling"]
    assert results.find_bytes(CLUSTER)
    workers.made_ready(results, HANDLE, phase=None)
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
        assert workers.impossible(plan, handle, most=3) == left_out


def test_nodes_that_are_not_there_are_drawn_anew_alike_for_a_block():
    there = [0, 1, 2, 3]
    assert _redrawn((5, 1, 7), there=there) == _redrawn((5, 1, 7), there=there)
    assert set(_redrawn((5, 1, 7), there=there)) <= set(there)
    assert len(set(_redrawn((5, 1, 7), there=there))) == 3
    assert _redrawn((2, 0), there=there) == [2, 0]
    assert _redrawn((), there=there) == []


def test_a_spare_node_carries_the_point_whose_node_is_lost_for_good(cluster, results):
    names = ("n0", "n1", "n2", "n3", "n4", "n5")
    shrink.note_kept(results, ["n1", "n3", "n5"])  # two and a spare one
    cluster.lost, cluster.there = ("n3",), ("n1", "n5")
    handle = HANDLE.model_copy(update={"nodes": 6, "worker_nodes": names})
    later = workers.made_ready(results, handle, phase=None)
    point = make_point(1).model_copy(update={"nodes": 2, "workers": (3, 1)})
    assert set(_node_names(point, later)) == {"n1", "n5"}
    assert later.worker_nodes == names  # plans go by place
    cluster.kept.clear()
    workers.made_ready(results, later, phase=None)
    assert cluster.kept == ["kept"]  # and it is missed no more


def test_a_point_that_has_too_few_nodes_left_is_refused():
    handle = HANDLE.model_copy(update={"absent_nodes": ("b",)})
    point = make_point(1).model_copy(update={"nodes": 2, "workers": (0, 1)})
    with pytest.raises(ClusterError, match="chose 2 nodes .*named 1 are there"):
        _node_names(point, handle)


def test_a_pull_is_ended_when_no_worker_comes(cluster, results):
    cluster.lost, cluster.there = ("b",), ClusterError("none to be had")
    with pytest.raises(ClusterError, match="none to be had"):
        workers.made_ready(results, HANDLE, phase=object())
    assert cluster.kept[1:] == ["begin_pulling", "add_workers", "stop_pulling"]


def test_evidence_is_stored_and_its_own_failure_hides_nothing(cluster, results):
    workers.keep_evidence(results, cluster, HANDLE)
    assert results.find_bytes("evidence/nodes.json") == b"[]"
    cluster.told = None
    workers.keep_evidence(results, cluster, HANDLE)


def test_workers_that_were_given_back_are_not_missed(cluster, results):
    shrink.note_kept(results, ["a"])
    cluster.lost = ("b",)
    assert workers.made_ready(results, HANDLE, phase=None).absent_nodes == ("b",)


def test_worker_that_is_lost_among_those_that_were_kept_is_replaced_in_its_place(cluster, results):
    handle = HANDLE.model_copy(update={"nodes": 3, "worker_nodes": ("b", "x", "a")})
    shrink.note_kept(results, ["b", "a"])
    cluster.lost = ("b", "x")
    complete = workers.made_ready(results, handle, phase=None)
    assert complete.worker_nodes == ("c", "x", "a")
    assert complete.nodes == 3
    assert shrink.kept_workers(results, complete) == ("c", "a")
