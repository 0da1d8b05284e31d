"""Images on all nodes before anything is timed."""

from __future__ import annotations

import pytest

from include.errors import ClusterError
from include.kube import image_pull
from include.kube.image_pull import LABEL, Request, begin, finish, images_in, remove
from include.models import Placement
from tests.kube.api_server import serving
from tests.kube.scripted_nodes import DIGEST, POD_PATH, Kubelets

pytestmark = pytest.mark.sockets
STUDY = "demo-1"
IMAGE = "registry.test/app:1"
SETS_PATH = "/apis/apps/v1/namespaces/study/daemonsets"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(image_pull.time, "sleep", lambda _: None)
    with serving() as (state, kube):
        yield state, kube


def pull(kube, wanted):
    begin(kube, wanted)
    return finish(kube, wanted)


def request(**changes):
    values = {
        "study_id": STUDY,
        "images": (IMAGE,),
        "placements": (Placement(),),
        "least_nodes": 2,
    }
    return Request(**values | changes)


def test_every_node_gets_every_image_and_nothing_stays(server):
    state, kube = server
    Kubelets(state)
    found = pull(kube, request(images=(IMAGE, "registry.test/view:2")))
    assert [(each.node, each.image) for each in found] == [
        ("node-0", IMAGE),
        ("node-0", "registry.test/view:2"),
        ("node-1", IMAGE),
        ("node-1", "registry.test/view:2"),
    ]
    assert {each.digest for each in found} == {DIGEST}
    assert (found[0].pulled_at - found[0].pulling_at).total_seconds() == 42
    assert found[1].pulling_at is None
    assert not [path for path in state.objects if path.startswith((POD_PATH, SETS_PATH))]


def test_a_container_that_runs_has_its_image_even_where_a_simulated_node_does_not_name_it(server):
    state, kube = server
    Kubelets(state).are_simulated = True
    assert [each.digest for each in pull(kube, request())] == [None, None]


def test_an_injected_container_is_neither_asked_for_nor_waited_for(server):
    state, kube = server
    kubelets = Kubelets(state)
    kubelets.injected = [{"name": "istio-proxy", "image": "proxy:1"}]
    assert {each.image for each in pull(kube, request())} == {IMAGE}
    metadata = kubelets.sets[0]["spec"]["template"]["metadata"]
    assert metadata["annotations"]["linkerd.io/inject"] == "disabled"
    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"


def test_the_log_says_how_far_the_pull_is(server, caplog):
    state, kube = server
    Kubelets(state, nodes=3)
    with caplog.at_level("INFO", logger=image_pull.__name__):
        pull(kube, request())
    assert "3 of 3 nodes have their images" in caplog.text


def test_it_runs_where_the_jobs_may_and_tolerates_what_they_do(server):
    state, kube = server
    kubelets = Kubelets(state)
    toleration = {"key": "launcher", "operator": "Exists"}
    launcher = Placement(node_selector={"role": "launcher"}, tolerations=(toleration, toleration))
    worker = Placement(node_selector={"role": "worker", "zone": "b"})
    pull(kube, request(placements=(launcher, worker)))
    spec = kubelets.sets[0]["spec"]["template"]["spec"]
    assert spec["tolerations"] == [toleration]
    affinity = spec["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    keys = [[each["key"] for each in term["matchExpressions"]] for term in terms]
    assert keys == [["role"], ["role", "zone"]]
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_jobs_that_may_run_anywhere_have_their_image_everywhere(server):
    state, kube = server
    kubelets = Kubelets(state)
    pull(kube, request(placements=(Placement(node_selector={"a": "b"}), Placement())))
    assert "affinity" not in kubelets.sets[0]["spec"]["template"]["spec"]


@pytest.mark.parametrize("reason", ["ErrImagePull", "InvalidImageName"])
def test_an_image_that_cannot_be_had_is_named_with_the_node_and_nothing_stays(
    server, monkeypatch, reason
):
    state, kube = server
    Kubelets(state).waiting = {"reason": reason, "message": "manifest unknown"}
    monkeypatch.setattr(image_pull, "ERROR_S", 0.0)
    with pytest.raises(ClusterError, match=f"node-0 cannot pull {IMAGE}: manifest unknown"):
        pull(kube, request())
    assert not [path for path in state.objects if path.startswith((POD_PATH, SETS_PATH))]


@pytest.mark.parametrize(("nodes", "said"), [(2, "node-0, node-1"), (1, "node-0")])
def test_nodes_that_take_too_long_are_named(server, monkeypatch, nodes, said):
    state, kube = server
    Kubelets(state, nodes=nodes).waiting = {"reason": "ContainerCreating"}
    monkeypatch.setattr(image_pull, "LIMIT_S", 0.0)
    with pytest.raises(ClusterError, match=f"not there after 0 s: {said}$"):
        pull(kube, request())


def test_fewer_nodes_than_the_jobs_need_are_not_enough(server, monkeypatch):
    state, kube = server
    Kubelets(state, nodes=1)
    monkeypatch.setattr(image_pull, "LIMIT_S", 0.0)
    with pytest.raises(ClusterError, match="1 nodes without a pod"):
        pull(kube, request())


def test_nodes_that_join_after_the_pull_began_are_waited_for(server):
    state, kube = server
    kubelets = Kubelets(state, nodes=1)
    begin(kube, request())
    (daemon_set,) = kubelets.sets
    kubelets.run_pod(daemon_set, 1)
    assert [each.node for each in finish(kube, request())] == ["node-0", "node-1"]


def test_one_name_for_two_images_is_refused(server):
    state, kube = server
    Kubelets(state).digests = {1: "sha256:" + "b" * 64}
    with pytest.raises(ClusterError, match="different images named registry.test/app:1"):
        pull(kube, request())


def test_what_a_lost_worker_left_is_taken_away(server):
    state, kube = server
    left = {"kind": "DaemonSet", "metadata": {"name": "demo-1-images", "labels": {LABEL: STUDY}}}
    state.put(f"{SETS_PATH}/demo-1-images", left)
    other = {"kind": "DaemonSet", "metadata": {"name": "x", "labels": {LABEL: "other"}}}
    state.put(f"{SETS_PATH}/x", other)
    remove(kube, STUDY)
    assert list(state.objects) == [f"{SETS_PATH}/x"]


def test_images_are_found_wherever_an_object_names_them():
    pods = {"initContainers": [{"image": "a"}], "containers": [{"image": "b"}, {"image": "a"}]}
    mini_cluster = {"spec": {"flux": {"container": {"image": "c"}}, "image": 3}}
    assert images_in([{"spec": pods}, mini_cluster]) == ("a", "b", "c")
