"""Images and environments of which a study lists several: each is an arm on the same nodes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import k8s_operators
from include.analysis import table
from include.analysis.setups import set_up_differences
from include.errors import StudyError
from include.jobs.spec import job_of
from include.models import ClusterHandle
from include.study.plan import read_study
from tests.plans import make_plan
from tests.records import record

RELEASE, HEAD = "registry.test/app@sha256:" + "a" * 64, "registry.test/app@sha256:" + "b" * 64
STUDY = {
    "cluster": "existing",
    "image": RELEASE,
    "operators": ("indexed_job",),
    "design": "interleaved",
    "placement": "free",
    "environment": {"OMP_NUM_THREADS": "1"},
    "nodes": (2,),
    "warmups": 0,
    "repeats": 2,
}


def study(**options):
    return read_study({**STUDY, "operator_options": {"indexed_job": options}})


def handle():
    return ClusterHandle(
        study_id="demo-1234abcd",
        cluster="existing",
        namespace="study",
        nodes=2,
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        kubernetes_version="v1.36.2",
        instance_type=None,
        image=RELEASE,
        image_digest="sha256:" + "a" * 64,
        image_pull_policy="IfNotPresent",
    )


def jobs_of(given):
    points = make_plan(given, study_id="demo-1234abcd").points
    return {point.variant: job_of(point, study=given, handle=handle()).spec for point in points}


@pytest.mark.parametrize("name", k8s_operators.available())
def test_each_image_of_a_list_is_a_variant_under_every_operator(name):
    operator = k8s_operators.load(name)
    options = {"image": {"release": RELEASE, "head": HEAD}}
    chosen = operator.variants(options)
    assert {word: operator.arm_options(o).image for word, o in chosen.items()} == options["image"]
    for each in chosen.values():
        operator.read_options(each)


def test_jobs_of_a_variant_have_its_image_and_alternate_with_the_others():
    given = study(image={"release": RELEASE, "head": HEAD})
    assert {v: spec.image for v, spec in jobs_of(given).items()} == {
        "release": RELEASE,
        "head": HEAD,
    }
    points = make_plan(given, study_id="demo-1234abcd").points
    assert [{a.variant, b.variant} for a, b in zip(points[::2], points[1::2], strict=True)] == (
        [{"release", "head"}] * 2
    )
    assert k8s_operators.images(given) == (RELEASE, HEAD)


def test_environment_of_a_variant_is_added_to_the_studys():
    specs = jobs_of(study(environment={"plain": {}, "tuned": {"UCX_TLS": "tcp"}}))
    assert specs["plain"].environment == {"OMP_NUM_THREADS": "1"}
    assert specs["tuned"].environment == {"OMP_NUM_THREADS": "1", "UCX_TLS": "tcp"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"image": [RELEASE, 7]}, "indexed_job.image"),
        ({"image": [RELEASE, RELEASE]}, "names one twice"),
        ({"environment": {"OMP_NUM_THREADS": "4"}}, "indexed_job"),
        ({"environment": [{"NO NAME": "1"}]}, "indexed_job.environment"),
    ],
)
def test_a_value_that_is_none_is_refused_with_the_study(options, complaint):
    with pytest.raises(StudyError, match=complaint):
        study(**options)


def test_two_variants_of_one_operator_may_differ_in_their_image_and_two_operators_may_not():
    runs = table.to_frame(
        [
            record(point_id=f"p{number}", k8s_operator=name, image=image, image_digest=image[-71:])
            for number, (name, image) in enumerate(
                [("jobset head", HEAD), ("jobset release", RELEASE), ("mpi_operator", HEAD)]
            )
        ]
    )
    assert set_up_differences(runs, operator="jobset head", baseline="jobset release") == ()
    told = set_up_differences(runs, operator="jobset release", baseline="mpi_operator")
    assert any("image" in text for text in told)


def test_a_queue_sets_two_operators_apart_and_without_one_there_is_known_to_be_none():
    arms = [("jobset kueue", "Kueue v1"), ("jobset none", None), ("mpi_operator none", None)]
    runs = table.to_frame(
        [
            record(point_id=f"p{number}", k8s_operator=name, queue=queue)
            for number, (name, queue) in enumerate(arms)
        ]
    )
    kueue, none, mpi = (name for name, _ in arms)
    assert set_up_differences(runs, operator=kueue, baseline=none) == ()
    assert set_up_differences(runs, operator=none, baseline=mpi) == ()
    told = set_up_differences(runs, operator=kueue, baseline=mpi)
    assert told == ("queue differs (Kueue v1; none)",)
    studies = table.to_frame([record(k8s_operator=none), record(k8s_operator=mpi, study_id="b")])
    told = set_up_differences(studies, operator=none, baseline=mpi)
    assert not any("queue" in text for text in told)
