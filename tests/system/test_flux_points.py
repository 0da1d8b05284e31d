"""Points of real Flux on real nodes; skipped with the reason where Flux is not at hand."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from include import applications, k8s_operators
from include.kube.kinds import POD
from include.models import Phase, Status, Study
from include.results import Results
from include.study import run_point as point_run
from include.study import steps
from tests.plans import make_plan
from tests.system.conftest import LOCAL, STUDY_ID
from tests.system.flux_at_hand import flux_at_hand

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
FLUX = k8s_operators.load("flux_operator")
STUDY = Study(
    operators=("mpi_operator", "flux_operator"),
    nodes=(2,),
    warmups=0,
    repeats=1,
    point_timeout_s=150,
)
ENDED_WITHIN_S, DELETED_WITHIN_S = 20.0, 5.0


@pytest.fixture(scope="module")
def setting(one_cluster, tmp_path_factory):
    """Both controllers at once, on nodes that have the view."""
    _, view = flux_at_hand()
    one_cluster.end()
    one_cluster.with_view(view)
    handle = one_cluster.running()
    results = Results(tmp_path_factory.mktemp("results"))
    results.write_json("plan.json", make_plan(STUDY, study_id=STUDY_ID).to_json())
    phase = Phase(phase=1, operators=STUDY.operators, points=())
    steps.install_phase(results, handle, phase)
    kube = LOCAL.connect(handle)
    yield point_run.Setting(study=STUDY, handle=handle, kube=kube, results=results)
    steps.uninstall_phase(results, handle, phase)
    kube.close()
    one_cluster.end()
    one_cluster.with_view(None)


def point_of(operator, *, repeat=1):
    points = make_plan(STUDY.model_copy(update={"repeats": 3}), study_id=STUDY_ID).points
    return next(p for p in points if (p.k8s_operator, p.repeat) == (operator, repeat))


@pytest.mark.parametrize("operator", STUDY.operators)
def test_lammps_on_two_nodes_is_valid_while_both_controllers_run(setting, operator):
    record = point_run.run_point(point_of(operator), setting)
    assert (record.status, record.error) == (Status.VALID, None)
    assert sorted(record.node_names) == ["node-1", "node-2"]
    assert record.figures["pot_eng"] == pytest.approx(-113.30058, rel=1e-5)
    if operator == "flux_operator":
        assert record.launcher_version.startswith("flux-core ")
        assert record.launcher_image_digest.startswith("sha256:")
        assert record.app_clock == "launcher"
        assert record.figures["loop_time_s"] < record.app_s < record.launcher_time_s


def test_bad_input_ends_the_point_with_what_lammps_said(setting, monkeypatch):
    words = ("lmp", "-in", "there.is.no.such.file")
    monkeypatch.setattr(type(applications.load("lammps")), "command", lambda *_: words)
    record = point_run.run_point(point_of("flux_operator", repeat=2), setting)
    assert record.status is Status.FAILED
    assert "Cannot open input script there.is.no.such.file" in record.error
    assert record.delete_s <= DELETED_WITHIN_S


def pods(setting, point):
    return setting.kube.list(POD, selector=f"operator-benchmark/point={point.point_id}").items


def delete_worker(setting, point):
    name = next(p["metadata"]["name"] for p in pods(setting, point) if not FLUX.launches(p))
    setting.kube.delete(POD, name)


def delete_lead_broker(setting, point):
    name = next(p["metadata"]["name"] for p in pods(setting, point) if FLUX.launches(p))
    setting.kube.delete(POD, name)


def kill_rank(*_):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_rank = (folder / "comm").read_text().strip() == "lmp"
            is_ours = "opb/node-2" in (folder / "cgroup").read_text()
        except OSError:
            continue
        if is_rank and is_ours:
            os.kill(int(folder.name), signal.SIGKILL)
            return


def is_running_lammps():
    return any(
        path.read_text().strip() == "lmp"
        for path in Path("/proc").glob("[0-9]*/comm")
        if path.exists()
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (kill_rank, "exited (Killed)"),
        (delete_worker, "node failure on"),
        (delete_lead_broker, "was deleted by somebody else; it ended with exit code"),
    ],
)
def test_loss_in_mid_job_ends_the_point_within_seconds_with_its_reason(setting, fault, reason):
    point = point_of("flux_operator", repeat=3)
    struck = []

    def strike():
        end = time.monotonic() + 60
        while not is_running_lammps() and time.monotonic() < end:
            time.sleep(0.2)
        time.sleep(2.0)
        struck.append(time.monotonic())
        fault(setting, point)

    thread = threading.Thread(target=strike)
    thread.start()
    record = point_run.run_point(point, setting)
    ended = time.monotonic()
    thread.join()
    assert record.status is Status.FAILED
    assert reason in record.error
    assert ended - struck[0] - record.delete_s < ENDED_WITHIN_S
    assert record.delete_s <= DELETED_WITHIN_S
