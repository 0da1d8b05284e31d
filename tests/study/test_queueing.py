"""What a queue says of a job that has ended, and what is left of it."""

from __future__ import annotations

import dataclasses

import pytest

from include.errors import CheckFailed, JobFailed
from include.k8s_operators import _kueue
from include.models import Queue
from include.results import Results, operator_file
from include.study import queueing
from include.study.plan import read_plan
from tests.k8s_operators.test_kueue import AT, jobs_of, workload
from tests.kube.api_server import serving

pytestmark = pytest.mark.sockets
WORKLOADS = f"/apis/{_kueue.GROUP}/v1beta2/namespaces/study/workloads"


@pytest.fixture
def server():
    with serving() as (state, kube):
        yield state, kube


@pytest.fixture
def results(tmp_path):
    results = Results(tmp_path)
    results.write_json(operator_file("queue"), {"version": "Kueue v0.17.0"})
    return results


@pytest.fixture
def job():
    return jobs_of("indexed_job")["kueue"]


def put(state, job, **conditions):
    made = workload(owner=job.spec.name, **conditions)
    made["metadata"]["name"] = "w"
    state.put(f"{WORKLOADS}/w", made)


def test_an_admitted_job_has_its_instant_and_the_version_of_the_queue(server, results, job):
    state, kube = server
    put(state, job, Admitted=("True", "The workload is admitted"))
    told = queueing.admission(kube, job, results, error=None)
    assert (told.admitted_at, told.version, told.error) == (AT, "Kueue v0.17.0", None)


def test_a_job_without_a_queue_asks_nobody(server, results, job):
    error = JobFailed("it failed")
    alone = dataclasses.replace(job, queue=Queue.NONE)
    assert queueing.admission(server[1], alone, results, error=error).error is error
    assert server[0].requests == []


def test_a_job_that_no_queue_admitted_and_that_ran_is_not_valid(server, results, job):
    told = queueing.admission(server[1], job, results, error=None)
    assert isinstance(told.error, CheckFailed)
    assert "without being admitted by Kueue" in str(told.error)


def test_a_job_that_was_never_admitted_says_why(server, results, job):
    state, kube = server
    put(state, job, QuotaReserved=("False", "insufficient quota for cpu"))
    told = queueing.admission(kube, job, results, error=JobFailed("Job is suspended"))
    assert str(told.error) == "Job is suspended; Kueue says: insufficient quota for cpu"
    assert isinstance(told.error, JobFailed)


def test_a_workload_goes_with_its_job(server, job):
    state, kube = server
    put(state, job)
    plan, _ = read_plan({"cluster": "simulated", "queue": ["kueue"]}, run_id="x")
    queueing.forget(kube, job.point.model_copy(update={"variant": ""}), plan.study)
    assert f"{WORKLOADS}/w" not in state.objects
