"""Points on real nodes, under every operator: what becomes of good, bad and interrupted jobs."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import tempfile
import time

import pytest

from include import applications, clusters, k8s_operators
from include.embedded import credentials, local_cluster, machine, programs
from include.embedded.paths import state_root
from include.jobs import obstacles
from include.jobs.spec import job_of
from include.kube.kinds import NAMESPACE, POD
from include.models import Binding, MpiImplementation, Phase, Status, Study
from include.results import Results
from include.study import run_point as point_run
from include.study import steps
from tests.plans import make_plan
from tests.system.conftest import LOCAL, STUDY_ID

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

# Those whose controllers are built when a study asks for them, and which of them are built.
ON_DEMAND = ("jobset", "trainer_mpi")
BUILT = tuple(
    name
    for name in ON_DEMAND
    if all(programs.find(each) for each in k8s_operators.controllers((name,)))
)
OPERATORS = ("mpi_operator", "indexed_job", *BUILT)
NOT_BUILT = pytest.mark.skip(reason="its controllers are not built; `make controllers` builds them")
# A limit that no point comes near by the machine's being busy; tests that need a limit have one.
STUDY = Study(operators=OPERATORS, nodes=(2,), warmups=0, repeats=1, point_timeout_s=150)
OPEN_MPI_ATTEMPTS = 3


@pytest.fixture(scope="module")
def installed(handle, tmp_path_factory):
    """Results that name the version of every operator; all are installed for all points."""
    results = Results(tmp_path_factory.mktemp("results"))
    results.write_json("plan.json", make_plan(STUDY, study_id=STUDY_ID).to_json())
    phase = Phase(phase=1, operators=OPERATORS, points=())
    steps.install_phase(results, handle, phase)
    yield results
    steps.uninstall_phase(results, handle, phase)


@pytest.fixture(
    params=[
        *OPERATORS,
        *(pytest.param(name, marks=NOT_BUILT) for name in ON_DEMAND if name not in BUILT),
    ]
)
def operator(request):
    return k8s_operators.load(request.param)


@pytest.fixture
def point(operator):
    study = STUDY.model_copy(update={"operators": (operator.name,)})
    return make_plan(study, study_id=STUDY_ID).points[0]


@pytest.fixture
def setting(handle, installed, tmp_path, operator):
    results = Results(tmp_path)
    version = installed.operator_version(operator.name)
    results.write_json(f"operators/{operator.name}.json", {"version": version})
    kube = LOCAL.connect(handle)
    yield point_run.Setting(study=STUDY, handle=handle, kube=kube, results=results)
    end = time.monotonic() + 40  # what an MPIJob owned is collected after it
    while left := (*kube.list(POD).items, *kube.list(operator.resource).items):
        assert time.monotonic() < end, left
        time.sleep(0.1)
    kube.close()


@pytest.fixture
def command(monkeypatch):
    """A function that makes the study's application run something else."""
    lammps = type(applications.load("lammps"))
    return lambda *words: monkeypatch.setattr(lammps, "command", lambda *_: words)


def with_study(setting, **changes):
    study = setting.study.model_copy(update=changes)
    return point_run.Setting(
        study=study, handle=setting.handle, kube=setting.kube, results=setting.results
    )


def stored(setting, point, name):
    return setting.results.read_text(f"points/{point.point_id}/{name}")


def test_lammps_on_two_nodes_gives_a_valid_record(setting, point):
    record = point_run.run_point(point, setting)
    assert record.error is None
    assert record.status is Status.VALID
    assert sorted(record.node_names) == ["node-1", "node-2"]  # which worker goes where is free
    assert record.ranks == 2
    assert 0 < record.figures.get("loop_time_s") < record.launcher_time_s <= record.end_to_end_s + 1
    assert record.figures.get("pot_eng") == pytest.approx(-113.30058, rel=1e-5)
    versions = {
        "mpi_operator": "v0.8.2",
        "indexed_job": f"Kubernetes {record.kubernetes_version}",
        "jobset": "v0.11.1",
        "trainer_mpi": "v2.2.0 with jobset-manager v0.11.1",
    }
    assert record.operator_version == versions[point.k8s_operator]
    missing = {name for name, value in record.to_json().items() if value is None}
    of_launcher = {"broker_time_s", "launcher_version", "launcher_image_digest"}
    of_queue = {"queue", "queue_s", "admitted_at"}
    assert missing == {"error", "note", "instance_type", *of_launcher, *of_queue}
    assert setting.kube.list(POD).items == ()


def host_names(setting, point):
    """What `hostname` printed on the workers: whole lines, as warnings name pods as well."""
    name = rf"{re.escape(point.point_id)}(?:-(?:worker|node)(?:-0)?)?-[0-9]+"
    stamped = re.compile(rf"^\S+ ({name})\s*$", re.MULTILINE)
    return set(stamped.findall(stored(setting, point, "job.log")))


def test_open_mpi_starts_its_processes_on_both_nodes(setting, point, command):
    # PRRTE 3, which is Open MPI 5's launcher, now and then loses a process that ends at once, or
    # does not end itself (openpmix/prrte#1839): so they take a second, and it gets another go.
    command("bash", "-c", "sleep 1; hostname")
    study = with_study(setting, mpi_implementation=MpiImplementation.OPENMPI, point_timeout_s=45.0)
    for _ in range(OPEN_MPI_ATTEMPTS):
        record = point_run.run_point(point, study)
        found = (record.status, len(host_names(study, point)))
        if found == (Status.INVALID, 2):  # no LAMMPS output, as LAMMPS is built for MPICH
            return
    pytest.fail(f"status and hosts after {OPEN_MPI_ATTEMPTS} attempts: {found}, {record.error}")


def test_each_rank_is_bound_to_a_core_of_its_own_node(setting, point, command):
    shares = [share.cpus for share in machine.divide(machine.this_machine(), node_count=2)]
    if None in shares:
        pytest.skip("this machine has no core for each node")
    command("grep", "Cpus_allowed_list", "/proc/self/status")
    study = with_study(setting, binding=Binding.CORE, point_timeout_s=60.0)
    record = point_run.run_point(point, study)
    assert record.status is Status.INVALID, record.error  # it ended well, and is no LAMMPS
    found = re.findall(
        r"Cpus_allowed_list:\s+(\S+)$", stored(study, point, "job.log"), re.MULTILINE
    )
    cores = [set(machine.parse_cpu_list(each)) for each in found]
    of_nodes = [set(machine.parse_cpu_list(each)) for each in shares]
    assert [sum(each <= node for each in cores) for node in of_nodes] == [1, 1], found


def test_failed_launcher_leaves_its_exit_code_log_and_events(setting, point, command):
    command("bash", "-c", "echo no such input >&2; exit 3")
    record = point_run.run_point(point, setting)
    assert record.status is Status.FAILED
    assert "exit code" in record.error
    assert "no such input" in stored(setting, point, "job.log")
    assert json.loads(stored(setting, point, "events.json"))
    assert record.figures.get("loop_time_s") is None


def test_hanging_application_is_ended_by_the_time_limit(setting, point, command):
    command("sleep", "600")
    record = point_run.run_point(point, with_study(setting, point_timeout_s=15.0))
    assert record.status is Status.FAILED
    assert "JobTimeout: not ended after 15 s" in record.error
    assert "launcher started" in stored(setting, point, "job.log")


def test_result_that_is_cut_off_is_invalid(setting, point, command):
    command("echo", "LAMMPS (22 Jul 2025)")
    record = point_run.run_point(point, setting)
    assert record.status is Status.INVALID
    assert "ParseError" in record.error


def test_image_that_is_not_there_is_told(setting, point):
    handle = setting.handle.model_copy(update={"image": "docker.io/local/absent:1"})
    absent = point_run.Setting(
        study=setting.study, handle=handle, kube=setting.kube, results=setting.results
    )
    record = point_run.run_point(point, absent)
    assert record.status is Status.FAILED
    assert "ErrImageNeverPull" in record.error
    assert "docker.io/local/absent:1" in record.error


def test_pods_too_large_for_the_nodes_are_told(setting, point, monkeypatch):
    monkeypatch.setattr(obstacles, "UNSCHEDULABLE_S", 1.0)
    large = with_study(setting, pod_resources={"cpu": "500", "memory": "1Gi"})
    record = point_run.run_point(point, large)
    assert record.status is Status.FAILED
    assert "Insufficient cpu" in record.error


def _run_in_child(point, setting):
    os.setsid()
    kube = LOCAL.connect(setting.handle)
    point_run.run_point(
        point,
        point_run.Setting(
            study=setting.study, handle=setting.handle, kube=kube, results=setting.results
        ),
    )


def test_killed_worker_loses_nothing_and_leaves_no_file(
    setting, point, tmp_path_factory, monkeypatch
):
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    fork = multiprocessing.get_context("fork")
    worker = fork.Process(target=_run_in_child, args=(point, setting))
    worker.start()
    try:
        _wait_running(setting)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join(timeout=10)
    assert list(scratch.iterdir()) == []
    operator = k8s_operators.load(point.k8s_operator)
    before = setting.kube.get(operator.resource, point.point_id)
    record = point_run.run_point(point, setting)
    assert record.status is Status.VALID
    assert record.attempt == 1
    assert before["metadata"]["creationTimestamp"] == record.created_at.strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def _wait_running(setting):
    end = time.monotonic() + 100
    while {pod["status"]["phase"] for pod in setting.kube.list(POD).items} != {"Running"}:
        assert time.monotonic() < end, "the job's pods do not run"
        time.sleep(0.05)


def test_cancelled_point_leaves_nothing(setting, point):
    operator = k8s_operators.load(point.k8s_operator)
    wanted = job_of(point, study=setting.study, handle=setting.handle).spec
    for obj in operator.objects(wanted, operator.read_options({})):
        setting.kube.create(obj)
    point_run.cancel_point(point, setting)
    assert setting.kube.get(operator.resource, point.point_id) is None


def test_existing_cluster_is_used_and_left_as_it_was(handle, installed, tmp_path):
    existing = clusters.load("existing")
    layout = local_cluster.layout_of(state_root())
    study = STUDY.model_copy(
        update={
            "cluster": "existing",
            "cluster_options": {"kubeconfig": str(layout.kubeconfig(credentials.ADMIN))},
            "operators": ("indexed_job",),
            "image": handle.image,
        }
    )
    mine = existing.reserve(study, study_id="guest-1")
    existing.preflight(mine)
    before = _namespaces(existing.connect(mine))
    existing.create(mine, study)
    guest = existing.wait_ready(mine, study)
    results = Results(tmp_path)
    plan = make_plan(study, study_id="guest-1")
    results.write_json("plan.json", plan.to_json())
    steps.install_phase(results, guest, plan.phases[0])
    kube = existing.connect(mine)
    setting = point_run.Setting(study=study, handle=guest, kube=kube, results=results)
    record = point_run.run_point(plan.points[0], setting)
    existing.delete(mine)
    assert record.error is None
    assert existing.leftovers(mine) == ()
    assert _namespaces(kube) == before


def _namespaces(kube):
    return {each["metadata"]["name"] for each in kube.list(NAMESPACE).items}
