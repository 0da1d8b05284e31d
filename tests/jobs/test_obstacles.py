"""What ends a point before its time, by what the job's objects say."""

from types import SimpleNamespace

import pytest

from include import k8s_operators
from include.errors import ClusterError
from include.jobs import events, obstacles
from include.jobs.events import Warnings, warnings_of
from include.jobs.obstacles import Obstacle, Patience, View
from include.k8s_operators import LABEL_POINT
from include.kube.kinds import EVENT, NODE
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
        (pod("worker", DONE), "exit code 0, its job goes on"),
        (
            pod(
                "worker", {"terminated": {"reason": "StartError", "exitCode": 128, "message": "m"}}
            ),
            "ended with exit code 128 (StartError: m), its job goes on",
        ),
        (pod("worker", {"waiting": {}}, phase="Failed"), "its phase is Failed, and nothing says"),
        (pod("worker", RUNNING, phase="Unknown"), "its phase is Unknown, and nothing says"),
        (
            pod("worker", {}, phase="Failed", reason="OutOfcpu", message="node has too little"),
            "is lost (OutOfcpu): node has too little",
        ),
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


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"conditions": [{"type": "Ready", "status": "False"}]}, "its node node-1 answers no more"),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "is lost (Evicted): disk"),
        ({"phase": "Unknown"}, "its phase is Unknown"),
    ],
)
def test_a_launcher_that_is_lost_ends_the_point(status, text):
    (obstacle_text,) = texts(pod("launcher", RUNNING, **status), pod("worker", RUNNING)).values()
    assert obstacle_text.startswith("the launching pod launcher is lost")
    assert text in obstacle_text


def test_ranks_that_are_done_are_no_obstacle_once_the_launcher_is():
    assert set(texts(pod("launcher", DONE), pod("worker", DONE))) == {"ended launcher"}


@pytest.mark.parametrize("role", ["launcher", "worker"])
def test_a_pod_that_no_scheduler_looks_at_is_told(role):
    overlooked = pod(role, {"waiting": {}}, phase="Pending")
    overlooked["spec"] = {"schedulerName": "volcano"}
    (text,) = texts(overlooked).values()
    assert text == f"pod {role} is not looked at by its scheduler volcano: does it run?"


def test_a_pod_that_its_node_cannot_start_is_told_until_it_has_started():
    waiting = pod("worker", {"waiting": {"reason": "ContainerCreating"}}, phase="Pending")
    stuck = {"worker": "FailedMount of Pod/worker: no such secret"}
    (text,) = texts(waiting, stuck=stuck).values()
    assert text == f"pod worker is not started by its node: {stuck['worker']}"
    assert texts(pod("worker", RUNNING, phase="Pending"), stuck=stuck) == {}


def test_an_injected_container_without_image_counts_only_while_ours_has_not_started():
    no_image = {"waiting": {"reason": "ImagePullBackOff", "message": "denied"}}
    assert texts(pod("launcher", RUNNING), pod("worker", RUNNING, sidecar=no_image)) == {}
    (text,) = texts(pod("worker", {"waiting": {}}, sidecar=no_image)).values()
    assert "container istio-proxy of pod worker, which is not the study's, cannot start" in text


def test_pods_that_an_injected_container_keeps_are_named_under_each_operator():
    flux = {"name": "p", "image": "i", "state": DONE}
    proxy = {"name": "linkerd-proxy", "image": "p", "state": RUNNING}

    def broker(index, *containers):
        labels = {"batch.kubernetes.io/job-completion-index": str(index), LABEL_POINT: "p"}
        return {
            "metadata": {"name": f"p-{index}", "labels": labels},
            "status": {"phase": "Running", "containerStatuses": list(containers)},
        }

    pods = {"p-0": broker(0, flux), "p-1": broker(1, flux, proxy)}
    told = {each.key: each.text for each in obstacles.of(View(operator=FLUX, nodes=2, pods=pods))}
    assert told["ended launcher"].endswith(
        "pod p-1 is kept by linkerd-proxy, which is not the study's"
    )


def test_deleted_ranks_are_told_but_not_those_that_go_with_the_job():
    workers = pod("launcher", RUNNING), pod("worker", RUNNING)
    (found,) = texts(*workers, deleted=["worker"]).values()
    assert found == "pod worker, which carries ranks, was deleted by somebody else"
    ended_job = texts(pod("launcher", DONE), pod("worker", RUNNING), deleted=["worker"])
    assert set(ended_job) == {"ended launcher"}


EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
SILENT = {"conditions": [{"type": "Ready", "status": "False"}]}


@pytest.mark.parametrize("code", [0, 137, 143])
def test_a_launching_pod_that_was_deleted_is_told_so_and_not_by_its_exit_code_alone(code):
    launcher = pod("launcher", ended(code))
    found = texts(launcher, deleted=["launcher"], deleted_early=["launcher"])
    assert found
    for text in found.values():
        assert text.startswith("the launching pod launcher was deleted by somebody else; ")
        assert "out of memory" not in text
    alone = texts(launcher, deleted=["launcher"])
    assert not any("deleted" in text for text in alone.values())  # it had ended before


def test_a_launching_pod_that_was_evicted_is_told_so_before_its_exit_code():
    found = texts(pod("launcher", ended(137), **EVICTED))
    assert "pod launcher is lost (Evicted): low on memory; it ended" in found["failed launcher"]


def test_a_launching_pod_whose_node_answers_no_more_ends_the_point():
    found = texts(pod("launcher", RUNNING, **SILENT), pod("worker", RUNNING))
    assert found == {
        "silence launcher": "the launching pod launcher is lost: its node node-1 answers no more"
    }


def test_ranks_that_were_deleted_are_told_so_and_not_by_their_exit_code():
    pods = pod("launcher", RUNNING), pod("worker", ended(137))
    (found,) = texts(*pods, deleted=["worker"], deleted_early=["worker"]).values()
    assert found == "pod worker, which carries ranks, was deleted by somebody else"
    (found,) = texts(*pods, deleted=["worker"]).values()
    assert "ended with exit code 137" in found


@pytest.mark.parametrize("role", ["launcher", "worker"])
def test_a_pod_held_by_a_gate_is_told(role):
    gated = pod(role, {"waiting": {}})
    gated["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "held"}
    ]
    gated["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    (found,) = texts(gated).values()
    assert "held (scheduling gates kueue.x-k8s.io/admission, as of a queue)" in found


@pytest.mark.parametrize("reason", ["Unschedulable", "SchedulerError"])
def test_a_pod_that_its_scheduler_cannot_place_is_told_whatever_the_reason(reason):
    unplaced = pod("worker", {"waiting": {}})
    unplaced["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": reason, "message": "binding volumes"}
    ]
    (found,) = texts(unplaced).values()
    assert found == "pod worker cannot be scheduled: binding volumes"


@pytest.mark.parametrize(
    ("reason", "grace_s"),
    [
        ("ImagePullBackOff", 0.0),
        ("ErrImagePull", obstacles.STUCK_S),
        ("CrashLoopBackOff", obstacles.STUCK_S),
        ("SomeReasonOfTomorrow", obstacles.STUCK_S),
    ],
)
def test_a_container_that_waits_for_more_than_its_start_is_told_by_the_reason(reason, grace_s):
    waits = pod("worker", {"waiting": {"reason": reason, "message": "why"}}, phase="Pending")
    (found,) = obstacles.of(View(operator=MPI, nodes=1, pods={"worker": waits}))
    assert found.text == f"pod worker cannot start from image i: {reason} why"
    assert found.grace_s == grace_s
    for ordinary in ("ContainerCreating", "PodInitializing"):
        assert texts(pod("worker", {"waiting": {"reason": ordinary}}, phase="Pending")) == {}


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


def test_a_job_that_is_suspended_while_it_runs_is_told_so_and_not_by_its_pods():
    suspended = {"kind": "Job", "spec": {"suspend": True}}
    gone = {"deleted": {"launcher"}, "deleted_early": ["launcher"], "resources": [suspended]}
    view = View(operator=MPI, nodes=1, pods={"launcher": pod("launcher", RUNNING)}, **gone)
    found = Patience().exhausted(obstacles.of(view))
    assert found.text.startswith("Job was suspended while it ran, as by a queue")


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


class Told:
    """A cluster that tells these events, and of a node that is not ready."""

    nodes = (
        {
            "metadata": {"name": "down"},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
        },
        {"metadata": {"name": "up"}},
    )

    def __init__(self, *events):
        self.events = [
            {
                "lastTimestamp": at,
                "type": kind,
                "reason": reason,
                "message": "m",
                "involvedObject": {"kind": "Pod", "name": name},
            }
            for name, at, kind, reason in events
        ]

    def list(self, kind):
        return SimpleNamespace(items=self.nodes if kind == NODE else self.events)


def test_a_pod_is_stuck_as_long_as_its_last_news_says_so():
    mount, pull = ("Warning", "FailedMount"), ("Normal", "Pulling")
    told = Told(
        ("p-1", "2026-01-02T03:04:05Z", *mount),
        ("p-2", "2026-01-02T03:04:05Z", *mount),
        ("p-2", "2026-01-02T03:04:06Z", *pull),
        ("p-3", "2026-01-02T03:04:06Z", *pull),
        ("p-4", "2026-01-02T03:04:06Z", "Warning", "FailedCreatePodSandBox"),
        ("p-6", "2026-01-02T03:04:06Z", "Warning", "FailedMapVolume"),
        ("p-7", "2026-01-02T03:04:06Z", "Warning", "FailedToRetrieveImagePullSecret"),
    )
    waiting = {"spec": {"nodeName": "n"}, "status": {"phase": "Pending"}}
    pods = dict.fromkeys([f"p-{number}" for number in range(1, 8)], waiting)
    stuck = Warnings(told, "p").stuck(pods)
    assert stuck == {
        "p-1": "FailedMount of Pod/p-1: m",
        "p-4": "FailedCreatePodSandBox of Pod/p-4: m",
        "p-6": "FailedMapVolume of Pod/p-6: m",
    }


class Silent:
    """A cluster whose answers are waited for in vain, for longer than any pause."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = []

    def list(self, kind):
        self.clock.now += 60.0
        self.asked.append(kind)
        raise ClusterError("no answer")


def test_a_silent_cluster_is_asked_once_a_look_about_any_number_of_pods(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(events, "time", SimpleNamespace(monotonic=lambda: clock.now))
    waiting = {"spec": {"nodeName": "n"}, "status": {"phase": "Pending"}}
    silent = Silent(clock)
    warnings = Warnings(silent, "p")
    assert warnings.unmade() == ()
    assert warnings.stuck(dict.fromkeys(["p-1", "p-2", "p-3"], waiting)) == {}
    assert silent.asked == [EVENT, NODE]


def test_a_pod_on_a_node_that_is_not_ready_is_stuck(monkeypatch):
    monkeypatch.setattr(events, "NODES_EACH_S", -1.0)
    pods = {n: {"spec": {"nodeName": n}, "status": {"phase": "Pending"}} for n in ("up", "down")}
    assert Warnings(Told(), "p").stuck(pods) == {"down": "down is not Ready"}


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
