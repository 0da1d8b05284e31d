"""One contract for every operator: what becomes of a point, however its job ends."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
import threading
import time
from datetime import UTC, datetime

import pytest

from include import k8s_operators
from include.errors import ClusterError, PartDied, TeardownError
from include.jobs import cleanup, events, health, obstacles
from include.jobs import watch as job_watch
from include.jobs.events import Warnings
from include.jobs.spec import job_of
from include.k8s_operators import LABEL_POINT, Launch
from include.kube import follower, guarded, watch
from include.kube.client import Kube
from include.kube.watch import LogFollower
from include.models import ClusterHandle, Status, Study
from include.results import Results, operator_file
from include.study import run_point
from tests.kube import api_server
from tests.kube.api_server import serving
from tests.kube.scripted_jobs import (
    POD_PATH,
    RUNNING,
    ScriptedJob,
    ended,
    flux_log_text,
    log_text_of,
)
from tests.plans import make_plan

pytestmark = pytest.mark.sockets
OPERATORS = k8s_operators.available()
STUDY_ID = "demo-1234abcd"


@pytest.fixture(params=OPERATORS)
def operator(request):
    return request.param


@pytest.fixture
def server():
    with serving() as (state, kube):
        yield state, kube


@pytest.fixture
def setting(server, tmp_path, monkeypatch):
    _, kube = server
    monkeypatch.setattr(job_watch, "LOOK_S", 0.05)
    study = Study(nodes=(2,), warmups=0, repeats=1, point_timeout_s=20)
    handle = ClusterHandle(
        study_id=STUDY_ID,
        cluster="existing",
        namespace="study",
        nodes=2,
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        kubernetes_version="v1.36.2",
        instance_type="none",
        image="registry.test/lammps@sha256:" + "b" * 64,
        image_digest=None,
        image_pull_policy="IfNotPresent",
    )
    results = Results(tmp_path)
    for name in OPERATORS:
        results.write_json(operator_file(name), {"operator": name, "version": "v0.0.7-test"})
    return run_point.Setting(study=study, handle=handle, kube=kube, results=results)


@pytest.fixture
def point(operator):
    study = Study(nodes=(2,), warmups=0, repeats=1, operators=(operator,))
    return make_plan(study, study_id=STUDY_ID).points[0]


def patient(setting):
    """The setting with a time limit that no test reaches: what ends its wait is something else."""
    study = setting.study.model_copy(update={"point_timeout_s": 3600})
    return dataclasses.replace(setting, study=study)


def stored(setting, point, name):
    return setting.results.read_text(f"points/{point.point_id}/{name}")


def test_good_job_gives_a_valid_record_with_every_measured_field(server, setting, point, operator):
    job = ScriptedJob(server[0], operator)
    record = run_point.run_point(point, setting)
    assert record.status is Status.VALID
    assert record.error is None
    assert record.figures.get("loop_time_s") == 2.15473
    assert record.launcher_time_s == 2.67
    assert record.figures.get("pot_eng") == -113.30058
    assert record.operator_version == "v0.0.7-test"
    assert record.node_names == ("node-1", "node-2")
    assert record.image_digest == "sha256:" + "a" * 64
    assert record.end_to_end_s == 8.0
    assert record.schedule_s == 1.0
    assert record.start_pods_s == job.ranks_started_at_s - 6.0  # the second of their scheduling
    assert record.app_s == pytest.approx(2.64)
    assert record.deleted_at is not None
    has_brokers = k8s_operators.load(operator).launch is Launch.FLUX
    missing = {"error", "note", "launcher_version", "launcher_image_digest"}
    missing |= {"queue", "admitted_at", "queue_s"}  # the job has none
    missing |= set() if has_brokers else {"broker_time_s"}
    assert {name for name, value in record.to_json().items() if value is None} == missing


@pytest.mark.parametrize("operator", ["flux_operator"])
def test_a_resource_that_is_told_of_after_its_end_is_waited_for(
    server, setting, point, operator, monkeypatch
):
    whole, tell = threading.Event(), watch.Watcher._tell

    def tell_late(self, obj, *, gone):
        if self._kind.kind == "MiniCluster":
            assert whole.wait(10)
        tell(self, obj, gone=gone)
        if self._kind.kind == "Job":
            threading.Timer(0.3, whole.set).start()

    monkeypatch.setattr(watch.Watcher, "_tell", tell_late)
    ScriptedJob(server[0], operator)
    record = run_point.run_point(point, setting)
    assert record.status is Status.VALID
    assert record.created_at is not None
    assert record.end_to_end_s == 8.0


def test_a_log_that_the_kubelet_cannot_give_says_nothing_of_the_operator(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(watch, "RETRY_S", 0.05)
    ScriptedJob(server[0], operator, log=b"unable to retrieve container logs for containerd://1")
    with pytest.raises(ClusterError, match="kubelet gives nothing but"):
        run_point.run_point(point, setting)


def test_a_log_of_which_a_part_was_moved_away_is_marked_and_blames_nobody(
    server, setting, point, operator, monkeypatch
):
    state, _ = server
    ScriptedJob(state, operator)
    text = log_text_of(operator)(ranks=2)
    lines = text.splitlines(keepends=True)
    parts = iter([b"".join(lines[:8]), b"".join(lines[12:])])
    monkeypatch.setattr(
        LogFollower, "_follow", lambda self: self._add(next(parts, b"".join(lines[12:])))
    )
    rest = b"".join(lines[12:])
    monkeypatch.setattr(type(setting.kube), "read_log", lambda *_, **__: rest)
    record = run_point.run_point(point, setting)
    assert record.status is Status.INVALID
    assert "may lack lines between" in record.error
    assert "may lack lines between" in record.note
    assert "[the launcher's log may lack lines between" in stored(setting, point, "job.log")


def test_a_credential_that_is_refused_for_long_ends_the_point(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(follower, "REFUSED_S", 0.5)
    job = ScriptedJob(server[0], operator, end=False)
    start = job.start

    def then_refuse(obj):
        start(obj)
        server[0].refuse_next["GET"] = [401] * 1000

    job.start = then_refuse
    with pytest.raises(ClusterError, match="credential is not valid"):
        run_point.run_point(point, patient(setting))


def test_a_dead_part_of_the_cluster_ends_the_point_and_not_as_the_operators_failure(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(health, "EACH_S", 0.2)

    def dead():
        raise PartDied("kube-scheduler has died")

    ScriptedJob(server[0], operator, end=False)
    with pytest.raises(PartDied):
        run_point.run_point(point, dataclasses.replace(patient(setting), health=dead))
    assert not setting.results.exists(f"points/{point.point_id}/record.json")


@pytest.mark.parametrize("unanswered", ["events", "nodes"])
def test_a_dead_part_is_told_by_the_first_question_without_an_answer(
    server, setting, point, operator, monkeypatch, unanswered
):
    """Pods that wait for their nodes are asked about at every look, here between two healths'."""
    monkeypatch.setattr(health, "EACH_S", 3600.0)
    monkeypatch.setattr(events, "NODES_EACH_S", 0.0)
    state, _ = server
    state.unavailable = {unanswered}
    job = ScriptedJob(state, operator, end=False)
    put = job._put
    job._put = lambda pod: put({**pod, "status": {**pod["status"], "phase": "Pending"}})

    def dead():
        raise PartDied("etcd has died")

    with pytest.raises(PartDied, match="etcd"):
        run_point.run_point(point, dataclasses.replace(patient(setting), health=dead))


def test_nothing_of_the_job_is_left(server, setting, point, operator):
    state, _ = server
    ScriptedJob(state, operator)
    run_point.run_point(point, setting)
    assert [path for path in state.objects if point.point_id in path] == []


def test_log_manifest_events_and_timeline_are_stored(server, setting, point, operator):
    state, _ = server
    ScriptedJob(state, operator)
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": f"{point.point_id}-worker-0"},
        "type": "Warning",
        "reason": "Slow",
        "message": "password=hunter2 is slow",
        "lastTimestamp": "2026-01-02T03:04:05Z",
    }
    state.put("/api/v1/namespaces/study/events/e", event)
    run_point.run_point(point, setting)
    assert "Loop time of 2.15473" in stored(setting, point, "job.log")
    assert point.point_id in stored(setting, point, "manifest.yaml")
    assert json.loads(stored(setting, point, "events.json"))[0]["reason"] == "Slow"
    assert json.loads(stored(setting, point, "timeline.json"))["deleted_at"] is not None


def event(name, point, *, at, reason):
    return {
        "metadata": {"name": name, "creationTimestamp": at},
        "involvedObject": {"kind": "Pod", "name": f"{point.point_id}-worker-0"},
        "type": "Normal",
        "reason": reason,
        "message": "Pulling image",
        "lastTimestamp": "2026-01-02T03:04:06Z",  # by the node's clock
    }


def test_pulls_of_an_earlier_attempt_are_not_those_of_this_one(server, setting, point, operator):
    state, folder = server[0], "/api/v1/namespaces/study/events"
    ScriptedJob(state, operator)  # its objects are made at 03:04:05
    before, after = "2026-01-02T03:04:04Z", "2026-01-02T03:04:05Z"
    state.put(f"{folder}/a", event("a", point, at=before, reason="Pulling"))
    state.put(f"{folder}/b", event("b", point, at=after, reason="Pulling"))
    state.put(f"{folder}/c", event("c", point, at=after, reason="Pulled"))
    record = run_point.run_point(point, setting)
    assert record.image_pulls == 1
    kept = json.loads(stored(setting, point, "events.json"))
    assert [each["reason"] for each in kept] == ["Pulling", "Pulled"]


def test_pulls_of_containers_that_are_not_the_jobs_count_for_nothing(
    server, setting, point, operator
):
    state = server[0]
    job = ScriptedJob(state, operator)
    own = job.operator.container_of(
        {"metadata": {"labels": {LABEL_POINT: point.point_id, **job._rank_labels(0)}}}
    )
    pulled = (
        ("spec.containers{istio-proxy}", "docker.io/istio/proxyv2:1.27"),
        ("spec.initContainers{istio-init}", "docker.io/istio/proxyv2:1.27"),
        (f"spec.containers{{{own}}}", "mirror.test/lammps"),
        ("spec.initContainers{flux-view}", setting.handle.image),
    )
    for index, (place, image) in enumerate(pulled):
        told = event(str(index), point, at="2026-01-02T03:04:05Z", reason="Pulling")
        told["involvedObject"]["fieldPath"] = place
        told["message"] = f'Pulling image "{image}"'
        state.put(f"/api/v1/namespaces/study/events/{index}", told)
    assert run_point.run_point(point, setting).image_pulls == 2
    kept = json.loads(stored(setting, point, "events.json"))
    assert kept[0]["container"] == "istio-proxy"


def test_pods_that_an_earlier_attempt_could_not_make_do_not_end_this_one(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(obstacles, "UNMADE_S", 0.0)
    looks, unmade = threading.Semaphore(0), Warnings.unmade
    monkeypatch.setattr(Warnings, "unmade", lambda self: (looks.release(), unmade(self))[1])
    state = server[0]
    job = ScriptedJob(state, operator, end=False)
    old = event("a", point, at="2026-01-02T03:00:00Z", reason="FailedCreate")
    state.put("/api/v1/namespaces/study/events/a", {**old, "type": "Warning"})
    start = job.start

    def start_late(obj):
        for _ in range(3):
            looks.acquire()
        start(obj)
        job.finish(obj)

    job.start = lambda obj: threading.Thread(target=start_late, args=[obj], daemon=True).start()
    job._state = lambda *, launches: ended(0) if launches else RUNNING
    assert run_point.run_point(point, setting).status is Status.VALID


def test_events_that_cannot_be_had_lose_no_measurement(
    server, setting, point, operator, monkeypatch, caplog
):
    def refused(*_, **__):
        raise ClusterError("GET /events: the credential lacks the right")

    monkeypatch.setattr(run_point, "events_of", refused)
    ScriptedJob(server[0], operator)
    record = run_point.run_point(point, setting)
    assert (record.status, record.image_pulls) == (Status.VALID, None)
    assert "lacks the right" in caplog.text
    assert stored(setting, point, "events.json").strip() == "[]"


def test_events_of_flux_itself_are_kept_and_no_other_operator_has_any(
    server, setting, point, operator
):
    ScriptedJob(server[0], operator)
    run_point.run_point(point, setting)
    name = f"points/{point.point_id}/{run_point.JOB_EVENTS}"
    assert setting.results.exists(name) is (k8s_operators.load(operator).launch is Launch.FLUX)
    if k8s_operators.load(operator).launch is Launch.FLUX:
        told = json.loads(stored(setting, point, run_point.JOB_EVENTS))
        assert (told["job_id"], told["status"]) == ("LGqfV1", 0)
        assert told["seconds"] == {"submit": 0.0, "validate": 0.012, "finish": 2.6, "clean": 2.601}


def test_the_log_as_it_came_has_no_name_that_a_killed_worker_could_leave_behind(
    server, setting, point, operator, tmp_path_factory, monkeypatch
):
    scratch, seen = tmp_path_factory.mktemp("scratch"), []
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    follow = watch.LogFollower.finish

    def look_after(self, kube, *, timeout_s):
        follow(self, kube, timeout_s=timeout_s)
        seen.append((self.complete, list(scratch.iterdir())))

    monkeypatch.setattr(watch.LogFollower, "finish", look_after)
    ScriptedJob(server[0], operator)
    assert run_point.run_point(point, setting).status is Status.VALID
    assert seen == [(True, [])]


@pytest.mark.parametrize("character", ["\r", "\f", "\x85", "\u2028"])
def test_only_a_line_feed_ends_a_line_of_the_log(server, setting, point, operator, character):
    text = log_text_of(operator)
    shown = f"2026-01-02T03:04:10Z 10 %{character}20 %\n".encode()
    ScriptedJob(server[0], operator, log=shown + text(ranks=2))
    record = run_point.run_point(point, setting)
    assert record.error is None
    assert record.figures.get("loop_time_s") == 2.15473


def test_private_key_is_not_stored(server, setting, point, operator):
    ScriptedJob(server[0], operator)
    run_point.run_point(point, setting)
    assert "PRIVATE KEY" not in stored(setting, point, "manifest.yaml")


def test_failed_launcher_gives_a_failed_record_that_names_the_exit_code(
    server, setting, point, operator
):
    ScriptedJob(server[0], operator, exit_code=3, log=b"2026-01-02T03:04:10Z no such input\n")
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "exit code 3" in record.error
    assert record.figures.get("loop_time_s") is None
    assert "no such input" in stored(setting, point, "job.log")
    assert record.deleted_at is not None


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ended(9), r"exit code 9 \(killed; out of memory, .* see job.log\)"),
        (ended(137, "OOMKilled"), r"exit code 137 \(OOMKilled: raise pod_resources.memory\)"),
    ],
)
def test_want_of_memory_is_said(server, setting, point, operator, state, said):
    ScriptedJob(server[0], operator, exit_code=1, pod_state=state)
    record = run_point.run_point(point, setting)
    assert re.search(said, record.error)


def test_a_worker_that_was_killed_for_want_of_memory_is_named(server, setting):
    study = Study(nodes=(1,), warmups=0, repeats=1, operators=("mpi_operator",))
    point = make_plan(study, study_id=STUDY_ID).points[0]
    job = ScriptedJob(server[0], "mpi_operator", exit_code=1)
    job.worker_state = ended(137, "OOMKilled")
    record = run_point.run_point(point, setting)
    assert "-worker-0 ended with exit code 137 (OOMKilled" in record.error
    assert "-launcher ended with exit code 1;" in record.error


def test_what_the_application_says_of_its_failure_is_passed_on(server, setting, point, operator):
    log = b"2026-01-02T03:04:10Z ERROR: Unrecognized fix style 'none' (src/modify.cpp:931)\n"
    ScriptedJob(server[0], operator, exit_code=1, log=log)
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "exit code 1" in record.error
    assert record.error.endswith(
        "; LAMMPS ReaxFF HNS says \"ERROR: Unrecognized fix style 'none' (src/modify.cpp:931)\""
    )


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (lambda text: text(ranks=2)[:700], "ParseError"),
        (lambda text: text(ranks=2, energy="-113.9"), "PotEng -113.9"),
        (lambda text: text(ranks=2, energy="nan"), "nan"),
        (lambda text: text(ranks=1), "ranks"),
        (lambda _: b"2026-01-02T03:04:10Z \n", "the launcher's log is empty"),
    ],
)
def test_untrustworthy_result_gives_an_invalid_record(server, setting, point, operator, log, said):
    text = log_text_of(operator)
    ScriptedJob(server[0], operator, log=log(text))
    record = run_point.run_point(point, setting)
    assert record.status is Status.INVALID
    assert said in record.error
    assert record.figures.get("loop_time_s") is None


def test_flux_job_that_failed_in_pods_that_succeeded_is_a_failed_point(server, setting):
    study = Study(nodes=(2,), warmups=0, repeats=1, operators=("flux_operator",))
    point = make_plan(study, study_id=STUDY_ID).points[0]
    ScriptedJob(server[0], "flux_operator", log=flux_log_text(ranks=2, status=256))
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "its pod says success" in record.error
    assert record.figures.get("loop_time_s") is None


def test_certificate_of_the_brokers_is_not_stored(server, setting):
    study = Study(nodes=(2,), warmups=0, repeats=1, operators=("flux_operator",))
    point = make_plan(study, study_id=STUDY_ID).points[0]
    ScriptedJob(server[0], "flux_operator")
    run_point.run_point(point, setting)
    assert "secret-key" not in stored(setting, point, "manifest.yaml")


def test_launcher_that_failed_ends_the_point_before_it_is_run_again(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(obstacles, "FAILED_LAUNCHER_S", 0.2)
    failed = {"terminated": {"startedAt": "2026-01-02T03:04:09Z", "exitCode": 137}}
    ScriptedJob(server[0], operator, pod_state=failed, end=False)
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "exit code 137" in record.error


def test_hanging_launcher_is_ended_by_the_time_limit(server, setting, point, operator):
    ScriptedJob(server[0], operator, end=False)
    study = setting.study.model_copy(update={"point_timeout_s": 1.5})
    hasty = run_point.Setting(
        study=study, handle=setting.handle, kube=setting.kube, results=setting.results
    )
    record = run_point.run_point(point, hasty)
    assert record.status is Status.FAILED
    assert "JobTimeout" in record.error
    assert "Running" in record.error
    assert server[0].objects == {}


def test_image_that_cannot_be_pulled_is_told_at_once(server, setting, point, operator):
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    ScriptedJob(server[0], operator, pod_state=waiting, end=False)
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "ImagePullBackOff no such image" in record.error


def prepared_by(state, **more):
    """What a pod says whose init container is in that state."""
    status = {"name": "flux-view", "image": "registry.test/view:1", "state": state, **more}
    return {"phase": "Pending", "initContainerStatuses": [status], "containerStatuses": []}


def with_init_container(job, status):
    """Let every pod of a scripted job have that status."""
    put = job._put

    def with_status(obj):
        put({**obj, "status": {**obj["status"], **status}})

    job._put = with_status


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"])
def test_image_of_an_init_container_that_cannot_be_had_is_told_at_once(
    server, setting, point, operator, reason
):
    job = ScriptedJob(server[0], operator, pod_state=RUNNING, end=False)
    with_init_container(job, prepared_by({"waiting": {"reason": reason, "message": "none"}}))
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert f"from image registry.test/view:1: {reason} none" in record.error
    assert "JobTimeout" not in record.error


@pytest.mark.parametrize(
    ("state", "more"),
    [
        (ended(1), {}),
        (RUNNING, {"lastState": ended(1), "restartCount": 1}),
    ],
)
def test_init_container_that_fails_ends_the_point(server, setting, point, operator, state, more):
    job = ScriptedJob(server[0], operator, pod_state=RUNNING, end=False)
    with_init_container(job, prepared_by(state, **more))
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "init container flux-view of pod " in record.error
    assert "ended with exit code 1" in record.error


def flux_point():
    study = Study(nodes=(2,), warmups=0, repeats=1, operators=("flux_operator",))
    return make_plan(study, study_id=STUDY_ID).points[0]


NODE_FAILURE = (
    'ƒLGqfV1: 2.723s: exception {"note":"node failure on w-1 (rank 1)","severity":0,'
    '"type":"exec","userid":0}\n'
)


def lost_worker_log():
    text = flux_log_text(ranks=2, status=36608).decode()
    lines = text.splitlines(keepends=True)
    at = next(place for place, line in enumerate(lines) if "finish {" in line)
    stamp = lines[at].partition(" ")[0]
    return "".join([*lines[:at], f"{stamp} {NODE_FAILURE}", *lines[at:]]).encode()


def test_broker_that_has_ended_badly_ends_the_point_though_a_worker_goes_on(
    server, setting, monkeypatch
):
    monkeypatch.setattr(obstacles, "FAILED_LAUNCHER_S", 0.5)
    job = ScriptedJob(server[0], "flux_operator", log=lost_worker_log())
    job.finish = lambda _: None
    record = run_point.run_point(flux_point(), setting)
    assert record.status is Status.FAILED
    assert "JobTimeout" not in record.error
    assert "has ended, its job goes on; flux start ended with exit code 143" in record.error
    assert "Flux says 'type=exec node failure on w-1 (rank 1)'" in record.error


def test_launcher_that_has_ended_well_ends_the_point_when_its_job_never_ends(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(obstacles, "ENDED_LAUNCHER_S", 0.5)
    job = ScriptedJob(server[0], operator)
    job.finish = lambda _: None
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "has ended, its job goes on; pods: " in record.error


def test_launching_pod_that_somebody_deletes_ends_the_point(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(obstacles, "DELETED_LAUNCHER_S", 0.2)
    job = ScriptedJob(server[0], operator, end=False)
    put = job._put

    def doomed(obj):
        if job.operator.launches(obj):
            obj["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:10Z"
        put(obj)

    job._put = doomed
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert re.search("the launching pod .* was deleted by somebody else", record.error)


@pytest.mark.parametrize("job_ends", [False, True])
def test_launching_pod_that_ends_as_it_was_deleted_is_told_by_the_deletion(
    server, setting, point, operator, monkeypatch, job_ends
):
    monkeypatch.setattr(obstacles, "FAILED_LAUNCHER_S", 0.2)
    monkeypatch.setattr(obstacles, "DELETED_LAUNCHER_S", 60.0)
    job = ScriptedJob(server[0], operator, end=False)
    put, timers = job._put, []

    def take_away(pod, resource):
        """As the API server and then the kubelet tell of it; then, maybe, the job's controller."""
        pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:10Z"
        put(pod)
        pod["status"]["containerStatuses"][0]["state"] = ended(143)
        put(pod)
        if job_ends:
            job.exit_code = 143
            job.finish(resource)

    def doomed(pod):
        put(pod)
        if job.operator.launches(pod):
            path = server[1].path(job.operator.resource, point.point_id)
            timers.append(threading.Timer(0.5, take_away, [pod, server[0].objects[path]]))
            timers[0].start()

    job._put = doomed
    record = run_point.run_point(point, setting)
    timers[0].join()
    assert record.status is Status.FAILED
    # The end of its container may come too late to be told, and says nothing more.
    assert re.search("pod .* was deleted by somebody else; (it|Backoff)", record.error)
    assert "out of memory" not in record.error


def test_pod_that_was_taken_away_is_told_of_though_another_has_its_name_now(
    server, setting, point, operator
):
    state, _ = server
    job = ScriptedJob(state, operator, end=False)

    def replaced(pod, resource):
        """As the taint manager takes a pod away, its controller makes it anew, and gives up."""
        bare = json.dumps(pod)
        target = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
        pod["status"]["conditions"].append(target)
        pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:10Z"
        job._put(pod)
        time.sleep(0.5)
        job._put(json.loads(bare))
        time.sleep(0.5)
        job.exit_code = 255
        job.finish(resource)

    def later(resource):
        pod = state.objects[f"{POD_PATH}/{point.point_id}-worker-1"]
        timers.append(threading.Timer(0.5, replaced, [pod, resource]))
        timers[0].start()

    timers, start = [], job.start
    job.start = lambda resource: (start(resource), later(resource))
    record = run_point.run_point(point, setting)
    timers[0].join()
    assert record.status is Status.FAILED
    assert f"{point.point_id}-worker-1 is taken away (DeletionByTaintManager)" in record.error


def test_what_the_log_tells_of_a_failure_is_told_after_a_time_out_too(server, setting):
    log = NODE_FAILURE.encode()
    ScriptedJob(server[0], "flux_operator", end=False, log=b"2026-01-02T03:04:10Z " + log)
    study = setting.study.model_copy(update={"point_timeout_s": 1.5})
    hasty = dataclasses.replace(setting, study=study)
    record = run_point.run_point(flux_point(), hasty)
    assert record.error.startswith("JobTimeout")
    assert record.error.endswith("; Flux says 'type=exec node failure on w-1 (rank 1)'")


def test_pod_that_cannot_be_scheduled_is_told(server, setting, point, operator, monkeypatch):
    monkeypatch.setattr(obstacles, "UNSCHEDULABLE_S", 0.2)
    job = ScriptedJob(server[0], operator, pod_state=RUNNING, end=False)

    def unschedulable(obj):
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/2 nodes are available: 2 Insufficient cpu.",
        }
        obj["status"]["conditions"] = [condition]
        server[0].put(f"{POD_PATH}/{obj['metadata']['name']}", obj)

    job._put = unschedulable
    record = run_point.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "Insufficient cpu" in record.error
    assert record.pods_scheduled_at is None
    assert record.schedule_s is None


def test_resource_deleted_by_somebody_else_is_told(server, setting, point, operator):
    state, kube = server
    job = ScriptedJob(state, operator, end=False)
    kind = job.operator.resource

    def vanish():
        """Delete the resource once it is there and watched."""
        path, watched = kube.path(kind, point.point_id), ("GET", kube.path(kind))
        end = time.monotonic() + 10
        while path not in state.objects or state.requests.count(watched) < 2:  # list and watch
            assert time.monotonic() < end
            time.sleep(0.01)
        state.remove(path)

    somebody = threading.Thread(target=vanish)
    somebody.start()
    record = run_point.run_point(point, setting)
    somebody.join()
    assert record.status is Status.FAILED
    assert "deleted by somebody else" in record.error


def test_running_job_of_a_killed_worker_is_adopted(server, setting, point, operator):
    state, kube = server
    adapter = k8s_operators.load(operator)
    job = ScriptedJob(state, operator, end=False)
    wanted = job_of(point, study=setting.study, handle=setting.handle).spec
    for obj in adapter.objects(wanted, adapter.read_options({})):
        kube.create(obj)
    running = kube.get(adapter.resource, point.point_id)
    uid_before = running["metadata"]["resourceVersion"]
    job.finish(running)
    created = [method for method, _ in state.requests if method == "POST"]
    record = run_point.run_point(point, setting)
    assert record.status is Status.VALID
    assert record.attempt == 1
    assert uid_before
    assert len([m for m, _ in state.requests if m == "POST"]) == 2 * len(created)


@pytest.mark.parametrize("operator", ["mpi_operator"])
def test_a_creation_that_a_proxy_did_not_answer_is_asked_for_again(
    server, setting, point, operator, monkeypatch
):
    """A 502 or 504 says nothing of the request, which the API server may have done."""
    monkeypatch.setattr(guarded, "PAUSE_S", 0.01)
    ScriptedJob(server[0], operator)
    post, codes = api_server._Handler.do_POST, [502, 504]

    def done_unanswered(self):
        if codes:
            answer = self._json
            self._json = lambda *_: answer(codes.pop(0), {"message": "Bad Gateway"})
        post(self)

    monkeypatch.setattr(api_server._Handler, "do_POST", done_unanswered)
    assert run_point.run_point(point, setting).status is Status.VALID
    assert codes == []


def test_object_of_somebody_else_is_never_adopted(server, setting, point, operator):
    state, kube = server
    adapter = k8s_operators.load(operator)
    wanted = job_of(point, study=setting.study, handle=setting.handle).spec
    obj = adapter.objects(wanted, adapter.read_options({}))[0]
    obj["metadata"]["labels"] = {}
    kube.create(obj)
    with pytest.raises(ClusterError, match="belongs to nobody"):
        run_point.run_point(point, setting)
    assert any(point.point_id in path for path in state.objects)


def test_valid_record_is_not_measured_again(server, setting, point, operator):
    state, _ = server
    ScriptedJob(state, operator)
    first = run_point.run_point(point, setting)
    state.requests.clear()
    assert run_point.run_point(point, setting) == first
    assert state.requests == []


def test_failed_point_is_measured_again_as_the_next_attempt(server, setting, point, operator):
    state, _ = server
    job = ScriptedJob(state, operator, exit_code=1, log=b"2026-01-02T03:04:10Z broken\n")
    assert run_point.run_point(point, setting).attempt == 1
    job.exit_code, job.log = 0, None
    record = run_point.run_point(point, setting)
    assert (record.attempt, record.status) == (2, Status.VALID)
    assert "broken" in stored(setting, point, "attempts/1/job.log")
    assert json.loads(stored(setting, point, "attempts/1/record.json"))["status"] == "failed"


def test_worker_killed_before_the_deletion_keeps_its_record(
    server, setting, point, operator, monkeypatch
):
    state, _ = server
    ScriptedJob(state, operator)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cleanup, "delete_point", killed)
        with pytest.raises(KeyboardInterrupt):
            run_point.run_point(point, setting)
    posts = len([method for method, _ in state.requests if method == "POST"])
    record = run_point.run_point(point, setting)
    assert record.status is Status.VALID
    assert record.deleted_at is not None
    assert len([method for method, _ in state.requests if method == "POST"]) == posts
    assert state.objects == {}


def test_a_part_that_dies_while_the_job_is_deleted_ends_the_wait_and_keeps_the_record(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(health, "EACH_S", 0.2)
    monkeypatch.setattr(cleanup, "GONE_S", 3600.0)
    state, _ = server
    ScriptedJob(state, operator)
    state.held_deletions = {f"{point.point_id}-worker-1"}

    def dead_once_recorded():
        if setting.results.exists(f"points/{point.point_id}/record.json"):
            raise PartDied("kube-controller-manager has died")

    with pytest.raises(PartDied):
        run_point.run_point(point, dataclasses.replace(setting, health=dead_once_recorded))
    state.held_deletions = set()
    record = run_point.run_point(point, setting)
    assert (record.status, record.attempt) == (Status.VALID, 1)
    assert record.deleted_at is not None


def test_pods_that_stay_are_removed_by_force(server, setting, point, operator, monkeypatch):
    monkeypatch.setattr(cleanup, "GONE_S", 0.2)
    state, _ = server
    ScriptedJob(state, operator)
    state.held_deletions = {f"{point.point_id}-worker-1"}
    assert run_point.run_point(point, setting).deleted_at is not None
    assert state.objects == {}


def test_pods_that_cannot_be_removed_are_a_teardown_error(
    server, setting, point, operator, monkeypatch
):
    monkeypatch.setattr(cleanup, "GONE_S", 0.2)
    monkeypatch.setattr(cleanup, "FORCED_GONE_S", 0.2)
    state, _ = server
    ScriptedJob(state, operator)
    monkeypatch.setattr(Kube, "delete_all", lambda *_, **__: datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(TeardownError, match="worker-0"):
        run_point.run_point(point, setting)


def test_a_dead_part_is_told_while_a_deletion_is_waited_for(server, setting, point, operator):
    state, _ = server
    ScriptedJob(state, operator)
    state.held_deletions = {f"{point.point_id}-worker-0"}

    def dead():
        if setting.results.record(point.point_id) is not None:
            raise PartDied("kube-controller-manager of the cluster on this machine has died")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(health, "EACH_S", -1.0)
        with pytest.raises(PartDied, match="kube-controller-manager"):
            run_point.run_point(point, dataclasses.replace(setting, health=dead))
    state.held_deletions = set()
    assert run_point.run_point(point, setting).status is Status.VALID


def test_what_keeps_an_object_is_named(server, setting, point, operator, monkeypatch):
    monkeypatch.setattr(cleanup, "GONE_S", 0.0)
    monkeypatch.setattr(cleanup, "FORCED_GONE_S", 0.0)
    state, _ = server
    job = ScriptedJob(state, operator)
    put = job._put

    def held(pod):
        pod["metadata"]["finalizers"] = ["team.test/keep"]
        put(pod)

    job._put = held
    monkeypatch.setattr(Kube, "delete_all", lambda *_, **__: datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(TeardownError, match=r"worker-0 \(kept by team\.test/keep\)"):
        run_point.run_point(point, setting)


def test_events_that_cannot_be_read_lose_no_measurement(server, setting, point, operator):
    state, _ = server
    ScriptedJob(state, operator)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run_point, "events_of", refuse)
        record = run_point.run_point(point, setting)
    assert (record.status, record.image_pulls) == (Status.VALID, None)


def refuse(*_, **__):
    raise ClusterError("the credential lacks the right: events")


def test_what_a_lost_worker_left_is_cleared_before_its_operator_is_removed(
    server, setting, point, operator
):
    state, kube = server
    ScriptedJob(state, operator, end=False)
    adapter = k8s_operators.load(operator)
    cleanup.clear_study(kube, [adapter], study_id=STUDY_ID)
    assert [method for method, _ in state.requests if method == "DELETE"] == []
    wanted = job_of(point, study=setting.study, handle=setting.handle).spec
    for obj in adapter.objects(wanted, adapter.read_options({})):
        kube.create(obj)
    cleanup.clear_study(kube, [adapter], study_id="of-another-study")
    assert state.objects != {}
    cleanup.clear_study(kube, [adapter], study_id=STUDY_ID)
    assert state.objects == {}


def test_cancelled_point_leaves_nothing(server, setting, point, operator):
    state, kube = server
    ScriptedJob(state, operator, end=False)
    adapter = k8s_operators.load(operator)
    wanted = job_of(point, study=setting.study, handle=setting.handle).spec
    for obj in adapter.objects(wanted, adapter.read_options({})):
        kube.create(obj)
    run_point.cancel_point(point, setting)
    assert state.objects == {}


def test_variant_of_the_point_gives_the_manifest_its_option(server, setting):
    state, _ = server
    ScriptedJob(state, "flux_operator")
    flags = {"plain": "-ompi=openmpi@5", "bound": "-c 1 -o cpu-affinity=per-task"}
    options = {"flux_operator": {"option_flags": flags}}
    study = setting.study.model_copy(
        update={"operators": ("flux_operator",), "operator_options": options}
    )
    changed = dataclasses.replace(setting, study=study)
    chosen = next(p for p in make_plan(study, study_id=STUDY_ID).points if p.variant == "bound")
    record = run_point.run_point(chosen, changed)
    assert (record.status, record.variant, record.binding) == (Status.VALID, "bound", None)
    assert flags["bound"] in stored(changed, chosen, "manifest.yaml")


@pytest.mark.parametrize("operator", ["mpi_operator", "indexed_job"])
@pytest.mark.parametrize("odd", [None, "", "yesterday", "2026-01-02T03:04:06"])
def test_stamps_that_no_server_should_give_lose_their_instants_and_nothing_else(
    server, setting, point, operator, odd
):
    put = server[0].put

    def with_odd_stamps(path, obj):
        for told in obj.get("status", {}).get("conditions", []):
            told["lastTransitionTime"] = odd
        put(path, obj)

    server[0].put = with_odd_stamps
    ScriptedJob(server[0], operator)
    record = run_point.run_point(point, setting)
    assert (record.status, record.figures["loop_time_s"]) == (Status.VALID, 2.15473)
    assert (record.pods_scheduled_at, record.completed_at) == (None, None)
    assert record.pods_created_at is not None


@pytest.mark.parametrize("operator", ["mpi_operator"])
def test_items_of_an_object_that_are_null_or_say_nothing_count_for_nothing(
    server, setting, point, operator
):
    put = server[0].put

    def with_odd_items(path, obj):
        status = obj.get("status", {})
        for name in status.keys() & {"conditions", "containerStatuses"}:
            status[name] = [None, {}, *status[name]]
        put(path, obj)

    server[0].put = with_odd_items
    ScriptedJob(server[0], operator)
    assert run_point.run_point(point, setting).status is Status.VALID
