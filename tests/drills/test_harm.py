"""Harms by somebody else, on a small API server: what they change, and what they undo."""

from types import SimpleNamespace

import pytest

from include.drills import harm
from include.errors import BenchmarkError
from include.kube.kinds import POD
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets
NODE_PATH = "/api/v1/nodes/worker-1"
POD_PATH = "/api/v1/namespaces/study/pods/p-worker-0"


@pytest.fixture
def scene():
    with serving() as (state, kube):
        pod = {"metadata": {"name": "p-worker-0"}, "spec": {"nodeName": "worker-1"}}
        state.put(POD_PATH, pod)
        state.put(NODE_PATH, {"metadata": {"name": "worker-1"}, "spec": {}})
        yield SimpleNamespace(
            state=state,
            stranger=lambda: kube,
            workers=lambda: [pod],
            launchers=lambda: [pod],
            cluster=SimpleNamespace(process=lambda _: None),
        )


def test_a_deleted_pod_is_gone(scene):
    assert list(harm.worker_deleted(scene)) == []
    assert scene.stranger().get(POD, "p-worker-0") is None


def test_a_taint_comes_and_goes(scene):
    acts = harm.node_tainted(scene)
    assert next(acts) > 0
    assert scene.state.objects[NODE_PATH]["spec"]["taints"][0]["effect"] == "NoExecute"
    assert list(acts) == []
    assert "taints" not in scene.state.objects[NODE_PATH]["spec"]


def test_a_finalizer_comes_and_goes(scene):
    acts = harm.pod_held(for_s=5.0)(scene)
    assert next(acts) == 5.0
    assert scene.state.objects[POD_PATH]["metadata"]["finalizers"] == [harm.FINALIZER]
    assert list(acts) == []
    assert "finalizers" not in scene.state.objects[POD_PATH]["metadata"]


def test_a_part_that_does_not_run_cannot_be_harmed(scene):
    with pytest.raises(BenchmarkError, match="no etcd to harm"):
        list(harm.killed("etcd")(scene))
    with pytest.raises(BenchmarkError, match="no etcd to harm"):
        next(harm.paused("etcd", for_s=1.0)(scene))
