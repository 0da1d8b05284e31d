"""A queue before a job: where its name goes, and what its Workload tells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import k8s_operators
from include.k8s_operators import _kueue
from include.models import Queue
from include.models.timeline import Timeline, durations
from include.study.plan import read_study
from tests.models.test_arm_options import STUDY, handle, job_of
from tests.plans import make_plan

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
QUEUES = ("none", "kueue")


def jobs_of(name, **changes):
    given = read_study({**STUDY, "operators": (name,), "queue": QUEUES, **changes})
    points = make_plan(given, study_id="demo-1234abcd").points
    return {point.variant: job_of(point, study=given, handle=handle()) for point in points}


@pytest.mark.parametrize("name", k8s_operators.available())
def test_only_what_kueue_suspends_names_the_queue(name):
    jobs = jobs_of(name)
    assert {v: job.queue for v, job in jobs.items()} == {"none": "none", "kueue": "kueue"}
    *others, resource = jobs["kueue"].objects()
    part, labels = k8s_operators.load(name).queued_labels
    assert resource[part][labels].pop(_kueue.LABEL) == "demo-1234abcd"
    assert _kueue.LABEL not in str([*others, resource])
    assert _kueue.LABEL not in str(jobs["none"].objects())


def test_a_queue_of_one_operator_is_none_of_the_others():
    given = read_study(
        {
            **STUDY,
            "operators": ("indexed_job", "mpi_operator"),
            "operator_options": {"mpi_operator": {"queue": "kueue"}},
        }
    )
    points = make_plan(given, study_id="demo-1234abcd").points
    jobs = {point.arm: job_of(point, study=given, handle=handle()) for point in points}
    assert {arm: job.queue for arm, job in jobs.items()} == {
        "indexed_job": Queue.NONE,
        "mpi_operator": Queue.KUEUE,
    }


def test_the_queue_has_room_for_the_largest_job_and_no_more():
    resources = {"cpu": "500m", "memory": "1Gi", "v.com/efa": "1"}
    flavor, queue, local = _kueue.objects(
        study_id="demo-1", namespace="jobs", pod_resources=resources, nodes=16
    )
    (group,) = queue["spec"]["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory", "v.com/efa", "pods"]
    (offered,) = group["flavors"]
    assert offered["name"] == flavor["metadata"]["name"] == local["spec"]["clusterQueue"]
    quotas = {each["name"]: each["nominalQuota"] for each in offered["resources"]}
    assert float(quotas["cpu"]) == 8
    assert float(quotas["memory"]) == 16 * 2**30
    assert quotas["pods"] == "17"
    assert local["metadata"]["namespace"] == "jobs"


def workload(*, owner="job-1", at="2026-11-29T12:00:00Z", **conditions):
    return {
        "metadata": {"name": at, "creationTimestamp": at, "ownerReferences": [{"name": owner}]},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "message": text, "lastTransitionTime": at}
                for kind, (status, text) in conditions.items()
            ]
        },
    }


def test_the_newest_workload_of_the_job_counts():
    earlier, later = workload(), workload(at="2026-11-29T12:00:09Z")
    given = [later, earlier, workload(owner="job-2", at="2026-11-29T13:00:00Z")]
    assert _kueue.workload_of(given, name="job-1") is later
    assert _kueue.workload_of(given, name="job-3") is None


def test_admission_is_the_workloads_own_and_so_is_the_reason_without_one():
    admitted = workload(Admitted=("True", "The workload is admitted"))
    assert _kueue.admitted_at(admitted) == AT
    waiting = workload(QuotaReserved=("False", "insufficient quota for cpu"))
    assert _kueue.admitted_at(waiting) is None
    assert _kueue.complaint(waiting) == "insufficient quota for cpu"


def test_pods_are_made_from_the_admission_on_or_from_the_creation_without_a_queue():
    later, last = AT.replace(second=3), AT.replace(second=5)
    queued = durations(Timeline(created_at=AT, admitted_at=later, pods_created_at=last))
    assert (queued["queue_s"], queued["create_pods_s"]) == (3, 2)
    at_once = durations(Timeline(created_at=AT, pods_created_at=last))
    assert (at_once["queue_s"], at_once["create_pods_s"]) == (None, 5)
