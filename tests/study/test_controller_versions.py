"""Versions of a controller as arms: planned in mixed order, exchanged before each point."""

from __future__ import annotations

import pytest

from include import clusters
from include.errors import StudyError
from include.jobs import cleanup, controllers
from include.results import Results, operator_file
from include.study import controller_versions, phase_operators
from include.study.plan import read_study
from tests.plans import make_plan
from tests.study.handles import existing_cluster

IMAGE = "registry.test/app@sha256:" + "a" * 64
MANIFEST = "https://files.test/operator.yaml#sha256=" + "b" * 64


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "mpi-operator"
    path.write_text("#!/bin/sh")
    path.chmod(0o755)
    return str(path)


def study_of(cluster, operators=("mpi_operator", "indexed_job"), *, name="mpi_operator", **more):
    values = {
        "cluster": cluster,
        "operators": operators,
        "design": "interleaved",
        "nodes": (2,),
        "warmups": 0,
        "repeats": 3,
        **({"image": IMAGE} if cluster == "existing" else {}),
    }
    options = {name: {"controller": more.pop("controller")}} if "controller" in more else {}
    return read_study({**values, "operator_options": options, **more})


def test_two_builds_are_arms_of_every_block(program):
    given = study_of("simulated", controller={"release": "pinned", "head": program})
    points = make_plan(given, study_id="demo-1", workers=2).points
    for block in {point.block for point in points}:
        own = [point for point in points if point.block == block]
        assert sorted(point.arm for point in own) == [
            "indexed_job",
            "mpi_operator head",
            "mpi_operator release",
        ]
        assert len({point.workers for point in own}) == 1
    assert controllers.has_versions(given, "mpi_operator")
    assert not controllers.has_versions(given, "indexed_job")


@pytest.mark.parametrize(
    ("cluster", "controller", "complaint"),
    [
        ("simulated", "/nowhere/mpi-operator", "there is no program /nowhere/mpi-operator"),
        ("simulated", ["pinned", "latest"], "'latest' names no version of mpi-operator"),
        ("simulated", MANIFEST, "controllers run as processes here"),
        ("existing", ["pinned", "v0.7.0"], "controllers run as pods there"),
        ("existing", "/builds/mpi-operator", "controllers run as pods there"),
    ],
)
def test_a_version_that_cannot_run_is_refused_before_anything_is_made(
    cluster, controller, complaint
):
    with pytest.raises(StudyError, match=complaint):
        study_of(cluster, controller=controller)


def test_an_operator_without_a_controller_has_no_versions():
    with pytest.raises(StudyError, match="Indexed Job has no controller"):
        study_of("simulated", name="indexed_job", controller="v1.2.3")


def test_no_stand_in_is_compared_with_a_program(program):
    with pytest.raises(StudyError, match="no program flux-operator .* on this machine"):
        study_of(
            "simulated",
            ("flux_operator",),
            name="flux_operator",
            controller={"release": "pinned", "head": program},
        )


def test_versions_of_a_controller_that_another_operator_needs_are_refused_side_by_side():
    several = {"name": "jobset", "controller": ["pinned", "v0.11.0"]}
    with pytest.raises(StudyError, match="trainer_mpi needs jobset-manager too"):
        study_of("simulated", ("jobset", "trainer_mpi"), **several)
    assert study_of("simulated", ("jobset", "trainer_mpi"), design="swap", **several)


class Exchanging:
    """A cluster that notes what is asked of it."""

    def __init__(self):
        self.asked = []

    def exchange(self, _, controller):
        self.asked.append(("exchange", controller.version))
        return controller.version

    def install_in_order(self, _, controller):
        self.asked.append(("install", controller.version))
        return f"{controller.version} with jobset-manager v0.11.1"

    def uninstall(self, _, controller):
        self.asked.append(("uninstall", controller.version))


@pytest.fixture
def plan():
    given = study_of("simulated", controller={"old": "v0.7.0", "new": "v0.8.2"})
    return make_plan(given, study_id="demo-1", workers=2)


@pytest.fixture
def cluster(monkeypatch, plan):
    made = Exchanging()
    monkeypatch.setattr(clusters, "load", lambda _: made)
    removed = []
    monkeypatch.setattr(
        cleanup, "delete_point", lambda *_, point_id, **__: removed.append(point_id)
    )
    return made, removed


def test_every_point_gets_its_version_anew_and_its_record_says_which(tmp_path, plan, cluster):
    made, removed = cluster
    given, points = plan.study, plan.points
    results, handle = Results(tmp_path), existing_cluster(IMAGE)
    version = phase_operators.install(handle, "mpi_operator", study=given)
    for name, told in (("mpi_operator", version), ("indexed_job", "Kubernetes v1")):
        results.write_json(operator_file(name), {"operator": name, "version": told})
    told = {
        point.point_id: controller_versions.made_to_run(
            point, study=given, handle=handle, kube=None, results=results
        )
        for point in points
    }
    own = [point for point in points if point.k8s_operator == "mpi_operator"]
    wanted = {"old": "v0.7.0", "new": "v0.8.2"}
    assert made.asked == [
        ("install", "v0.7.0"),
        *(("exchange", wanted[point.variant]) for point in own),
    ]
    assert removed == [point.point_id for point in own]
    for point in own:
        assert told[point.point_id] == f"{wanted[point.variant]} with jobset-manager v0.11.1"


def test_what_each_version_brought_is_removed_at_the_end(plan, cluster):
    made, _ = cluster
    (phase,) = plan.phases
    phase_operators.remove(existing_cluster(IMAGE), phase, study=plan.study)
    assert sorted(made.asked) == [("uninstall", "v0.7.0"), ("uninstall", "v0.8.2")]
