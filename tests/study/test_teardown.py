"""The command that removes what a killed run left on somebody's cluster."""

from __future__ import annotations

import json

import pytest

from include.k8s_operators import LABEL_STUDY
from include.kube.client import Kube
from include.study import teardown
from include.study.plan import read_study
from tests.kube.api_server import serving
from tests.plans import make_plan

PARAMS = json.dumps(
    {
        "cluster": "existing",
        "cluster_options": {"kubeconfig": "/theirs", "context": "mine"},
        "image": "registry.test/lammps:1",
        "nodes": [2],
    }
)
MINE = {"labels": {LABEL_STUDY: "demo-1"}}


@pytest.fixture
def server(monkeypatch):
    with serving() as (state, kube):
        asked = []

        def connect(path, *, namespace, context):
            asked.append((str(path), context))
            return kube.in_namespace(namespace)

        monkeypatch.setattr(Kube, "from_kubeconfig", connect)
        yield state
        assert set(asked) == {("/theirs", "mine")}


@pytest.mark.sockets
def test_what_a_killed_run_left_is_removed_and_told(server, capsys):
    server.put("/api/v1/namespaces/demo-1", {"metadata": {"name": "demo-1", **MINE}})
    server.put("/api/v1/namespaces/demo-1/pods/p", {"metadata": {"name": "p", **MINE}})
    server.put("/api/v1/namespaces/team", {"metadata": {"name": "team"}})
    assert teardown.main(["demo-1", PARAMS]) == 0
    assert capsys.readouterr().out == "removed pod/p\nremoved namespace/demo-1\n"
    assert set(server.objects) == {"/api/v1/namespaces/team"}
    assert teardown.main(["demo-1", PARAMS]) == 0
    assert capsys.readouterr().out == "nothing to clean\n"


@pytest.mark.sockets
def test_what_a_run_noted_is_removed_without_its_log_or_params(
    server, capsys, tmp_path, monkeypatch
):
    path = tmp_path / "study.json"
    monkeypatch.setenv(teardown.NOTE_VARIABLE, str(path))
    assert teardown.main(["--noted", str(path)]) == 0  # the run did not come to its plan
    assert capsys.readouterr().out == "nothing to clean\n"
    study = read_study(json.loads(PARAMS))
    teardown.note(make_plan(study, study_id="demo-1"))
    server.put("/api/v1/namespaces/demo-1", {"metadata": {"name": "demo-1", **MINE}})
    assert teardown.main(["--noted", str(path)]) == 0
    assert capsys.readouterr().out == "removed namespace/demo-1\n"


@pytest.mark.parametrize("words", [[], ["demo-1"], ["demo-1", "{}", "--noted", "x"]])
def test_a_study_is_named_in_one_way(words):
    with pytest.raises(SystemExit):
        teardown.main(words)


@pytest.mark.sockets
def test_what_stays_is_an_error_that_names_it(server, capsys, monkeypatch):
    monkeypatch.setattr("include.clusters.existing.GONE_S", 0.0)
    server.put("/api/v1/namespaces/demo-1", {"metadata": {"name": "demo-1", **MINE}})
    server.held_deletions = {"demo-1"}
    assert teardown.main(["demo-1", PARAMS]) == 1
    assert "namespace/demo-1" in capsys.readouterr().err


@pytest.mark.parametrize("params", ["{", "[1]", "7", '{"cluster": "moon"}'])
def test_params_that_are_no_study_are_refused(capsys, params):
    assert teardown.main(["demo-1", params]) == 1
    assert capsys.readouterr().err.startswith("error: ")
