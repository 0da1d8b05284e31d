"""The images of a phase, before its first job."""

from __future__ import annotations

import json

import pytest

from include import clusters
from include.kube import image_pull
from include.kube.node_image import NodeImage
from include.models import Placement, Study
from include.results import Results, step_times
from include.study import images
from tests.plans import make_plan
from tests.study.handles import existing_cluster

IMAGE = "registry.test/lammps:1"
LAUNCHER = Placement(node_selector={"role": "launcher"})


@pytest.fixture
def results(tmp_path):
    found = Results(tmp_path)
    operators = ("mpi_operator", "flux_operator", "indexed_job")
    study = Study(cluster="existing", image=IMAGE, operators=operators, design="interleaved")
    found.write_json("plan.json", make_plan(study, study_id="demo-1").to_json())
    return found


@pytest.fixture
def asked(monkeypatch):
    """What would be pulled and taken away, in place of a cluster."""
    calls = []

    def finish(kube, request):
        calls.append(request)
        return tuple(NodeImage(node="n", image=i, digest=None) for i in request.images)

    monkeypatch.setattr(image_pull, "finish", finish)
    monkeypatch.setattr(image_pull, "begin", lambda _, request: calls.append(request.images))
    monkeypatch.setattr(image_pull, "remove", lambda _, study_id: calls.append(study_id))
    monkeypatch.setattr(type(clusters.load("existing")), "connect", lambda *_: None)
    return calls


def handle(**changes):
    values = {"launcher": LAUNCHER, "worker_nodes": ("a", "b")}
    return existing_cluster(IMAGE, **values | changes)


def test_every_image_of_the_phase_s_jobs_is_pulled_and_stored(results, asked):
    (phase,) = results.plan().phases
    images.finish_pulling(results, handle(), phase)
    (request,) = asked
    assert IMAGE in request.images
    assert any("flux-view" in image for image in request.images)  # what the operator brings along
    assert request.placements == (LAUNCHER, Placement())
    assert request.least_nodes == 2
    stored = json.loads(results.read_bytes("images/phase-1.json"))
    assert [each["image"] for each in stored] == list(request.images)
    assert [step.name for step in step_times.read(results)] == ["pull-1"]


def test_a_cluster_whose_nodes_have_the_image_is_left_alone(results, asked):
    (phase,) = results.plan().phases
    images.finish_pulling(results, handle(image_pull_policy="Never"), phase)
    images.stop_pulling(handle(image_pull_policy="Never"))
    assert asked == []


def test_what_a_lost_worker_left_is_taken_away(asked):
    images.stop_pulling(handle())
    assert asked == ["demo-1"]
