from datetime import UTC, datetime, timedelta

import pytest
import yaml
from kubernetes import client

from include.errors import ClusterError
from include.kube import client as kube_client
from include.kube.client import Kube
from include.kube.kinds import JOB, POD, SERVICE

pytestmark = pytest.mark.sockets


def service(name="s"):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"a": "b"}}}


def test_created_object_is_found_listed_and_deleted(server):
    _, kube = server
    assert kube.create(service())["metadata"]["name"] == "s"
    assert kube.get(SERVICE, "s") is not None
    assert [each["metadata"]["name"] for each in kube.list(SERVICE, selector="a=b").items] == ["s"]
    assert kube.delete(SERVICE, "s") is not None
    assert kube.get(SERVICE, "s") is None


def test_create_in_a_namespace_that_is_gone_names_it(server):
    state, kube = server
    state.refuse_next["POST"] = [404]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    with pytest.raises(ClusterError, match="Pod p cannot be created .* namespace study still"):
        kube.create(pod)


def test_create_of_an_existing_object_returns_none(server):
    _, kube = server
    kube.create(service())
    assert kube.create(service()) is None


def test_deletion_of_an_absent_object_returns_none(server):
    _, kube = server
    assert kube.delete(SERVICE, "absent") is None


def test_list_carries_the_servers_own_clock(server):
    _, kube = server
    listing = kube.list(POD)
    assert listing.server_date.tzinfo is UTC
    assert abs(datetime.now(UTC) - listing.server_date) < timedelta(minutes=1)


def test_selector_leaves_out_other_objects(server):
    _, kube = server
    kube.create(service())
    assert kube.list(SERVICE, selector="a=other").items == ()


def test_unknown_kind_is_told_with_a_hint(server):
    _, kube = server
    unknown = {"apiVersion": "flux/v9", "kind": "MiniCluster", "metadata": {"name": "x"}}
    with pytest.raises(ClusterError, match="is its controller installed"):
        kube.create(unknown)


@pytest.mark.parametrize(
    ("code", "said"), [(401, "expired"), (403, "lacks the right"), (422, "refused \\(422\\)")]
)
def test_refusal_says_what_is_wrong(server, code, said):
    state, kube = server
    state.refuse_next["GET"] = [code]
    with pytest.raises(ClusterError, match=said):
        kube.list(POD)


def test_busy_server_is_asked_again(server, monkeypatch):
    monkeypatch.setattr(kube_client.RETRY, "backoff_factor", 0.0)
    state, kube = server
    state.refuse_next["GET"] = [503, 429]
    settings = kube.api.configuration
    settings.retries = kube_client.RETRY
    patient = Kube(type(kube.api)(settings), namespace="study")
    assert patient.list(POD).items == ()
    patient.close()


def test_unreachable_server_is_a_cluster_error():
    settings = client.Configuration()
    settings.host = "http://127.0.0.1:1"
    settings.retries = False
    kube = Kube(client.ApiClient(settings), namespace="study")
    with pytest.raises(ClusterError, match="no answer from http"):
        kube.server_version()
    kube.close()


def test_absent_kubeconfig_is_named(tmp_path):
    with pytest.raises(ClusterError, match="absent cannot be read"):
        Kube.from_kubeconfig(tmp_path / "absent", namespace="n")


@pytest.mark.parametrize("text", ["", "{", "a: 1", "[]", "clusters: []\ncontexts: []\nusers: []"])
def test_unusable_kubeconfig_is_named(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(ClusterError, match="cannot be used"):
        Kube.from_kubeconfig(tmp_path / "config", namespace="n")


def test_unknown_context_is_named(tmp_path):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    Kube.from_kubeconfig(tmp_path / "config", namespace="n").close()
    with pytest.raises(ClusterError, match="other"):
        Kube.from_kubeconfig(tmp_path / "config", namespace="n", context="other")


def test_path_of_namespaced_and_cluster_wide_kinds(server):
    _, kube = server
    assert kube.path(JOB, "j") == "/apis/batch/v1/namespaces/study/jobs/j"
    assert kube.in_namespace("other").path(POD) == "/api/v1/namespaces/other/pods"
