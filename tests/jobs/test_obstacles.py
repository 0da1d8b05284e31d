"""What ends a point before its time, by what the job's objects say."""

import pytest

from include import k8s_operators
from include.jobs import obstacles
from include.jobs.events import warnings_of
from include.jobs.obstacles import Obstacle, Patience, View
from tests.kube.scripted_jobs import RUNNING, ended

MPI = k8s_operators.load("mpi_operator")
FLUX = k8s_operators.load("flux_operator")
ROLE = "training.kubeflow.org/job-role"
KILLED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
DONE = ended(0, "Completed")


def pod(role, state, *, sidecar=None, **status):
    statuses = [{"name": role, "image": "i", "state": state, "ready": "running" in state}]
    if sidecar:
        statuses.append({"name": "istio-proxy", "image": "p", "state": sidecar, "ready": True})
    return {
        "metadata": {"name": role, "labels": {ROLE: role}},
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "containerStatuses": statuses, **status},
    }


def texts(*pods, **view):
    by_name = {each["metadata"]["name"]: each for each in pods}
    found = obstacles.of(View(operator=MPI, nodes=1, pods=by_name, **view))
    return {each.key: each.text for each in found}


def test_a_job_that_runs_has_nothing_in_its_way():
    assert texts(pod("launcher", RUNNING), pod("worker", RUNNING)) == {}
    assert texts(pod("launcher", RUNNING, sidecar=RUNNING), pod("worker", RUNNING)) == {}


def test_containers_that_are_injected_count_for_nothing():
    assert texts(pod("launcher", RUNNING, sidecar=ended(1)), pod("worker", RUNNING)) == {}
    assert texts(pod("launcher", RUNNING), pod("worker", RUNNING, sidecar=KILLED)) == {}


def test_a_launcher_whose_pod_is_kept_by_another_container_names_it():
    found = texts(pod("launcher", DONE, sidecar=RUNNING), pod("worker", RUNNING))
    assert "launcher of pod launcher ended with exit code 0" in found["kept launcher"]
    assert "istio-proxy still runs" in found["kept launcher"]


@pytest.mark.parametrize(
    ("worker", "text"),
    [
        (pod("worker", KILLED), "exit code 137 (OOMKilled: raise pod_resources.memory)"),
        (pod("worker", ended(1)), "exit code 1, its job goes on"),
        (
            pod("worker", RUNNING, phase="Failed", reason="Evicted", message="low on memory"),
            "is lost (Evicted): low on memory",
        ),
        (pod("worker", RUNNING, reason="NodeLost"), "is lost (NodeLost): no message"),
        (
            pod(
                "worker",
                RUNNING,
                conditions=[
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "DeletionByTaintManager",
                        "message": "deleting due to NoExecute taint",
                    }
                ],
            ),
            "is taken away (DeletionByTaintManager): deleting due to NoExecute taint",
        ),
        (
            pod("worker", RUNNING, conditions=[{"type": "Ready", "status": "False"}]),
            "is lost: its node node-1 answers no more",
        ),
    ],
)
def test_ranks_that_are_lost_end_the_point_while_the_launcher_waits(worker, text):
    (found,) = texts(pod("launcher", RUNNING), worker).values()
    assert found.startswith("pod worker, which carries ranks,")
    assert text in found
    assert not any("ranks" in each for each in texts(pod("launcher", DONE), worker).values())


def test_deleted_ranks_are_told_but_not_those_that_go_with_the_job():
    workers = pod("launcher", RUNNING), pod("worker", RUNNING)
    (found,) = texts(*workers, deleted=["worker"]).values()
    assert found == "pod worker, which carries ranks, was deleted by somebody else"
    ended_job = texts(pod("launcher", DONE), pod("worker", RUNNING), deleted=["worker"])
    assert set(ended_job) == {"ended launcher"}


@pytest.mark.parametrize("role", ["launcher", "worker"])
def test_a_pod_held_by_a_gate_is_told(role):
    gated = pod(role, {"waiting": {}})
    gated["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "held"}
    ]
    gated["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    (found,) = texts(gated).values()
    assert "held (scheduling gates kueue.x-k8s.io/admission, as of a queue)" in found


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (
            {
                "kind": "Job",
                "status": {
                    "conditions": [
                        {"type": "Suspended", "status": "True", "reason": "JobSuspended"}
                    ]
                },
            },
            "Suspended, JobSuspended",
        ),
        ({"kind": "Job", "spec": {"suspend": True}}, "suspend: true"),
        ({"kind": "MPIJob", "spec": {"runPolicy": {"suspend": True}}}, "suspend: true"),
    ],
)
def test_a_suspended_job_is_told(resource, text):
    assert text in texts(resources=[resource])["suspension"]
    assert texts(resources=[{"kind": "Job", "spec": {"suspend": False}}]) == {}


def test_why_pods_are_not_made_is_told():
    event = {
        "at": "2026-01-02T03:04:05Z",
        "object": "Job/p",
        "type": "Warning",
        "reason": "FailedCreate",
        "message": "pods is forbidden:\nexceeded quota",
    }
    warnings = warnings_of([event, event, {**event, "type": "Normal"}])
    assert warnings == ["FailedCreate of Job/p: pods is forbidden: exceeded quota"]
    assert "exceeded quota" in texts(unmade=warnings)["unmade"]


def test_an_obstacle_has_its_grace_and_one_that_goes_is_forgotten():
    patience = Patience()
    passing, lasting = Obstacle(key="a", text="a", grace_s=60.0), Obstacle(key="b", text="b")
    assert patience.exhausted([passing]) is None
    assert patience.exhausted([passing, lasting]) == lasting
    assert patience.exhausted([]) is None
    assert patience._since == {}


def test_an_end_of_another_container_is_no_end_of_the_ranks():
    sidecar_alone = {"metadata": {"labels": {ROLE: "worker"}}, "status": {}}
    sidecar_alone["status"]["containerStatuses"] = [{"name": "proxy", "state": DONE}]
    assert not obstacles.has_ended(MPI, sidecar_alone)
    own = {"name": "p", "state": DONE}
    labels = {"operator-benchmark/point": "p", "batch.kubernetes.io/job-completion-index": "1"}
    pod_of_flux = {"metadata": {"labels": labels}, "status": {"containerStatuses": [own]}}
    assert obstacles.has_ended(FLUX, pod_of_flux)
