"""Records of points that real Flux ran, or failed, in real pods."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from include import applications, k8s_operators
from include.errors import JobFailed, ParseError
from include.study import record
from tests.parsers.flux_pods import RECORDED, stamped_lines_of, texts_of
from tests.parsers.synthetic_logs import FLUX_PODS, NO_FLUX_PODS

needs_data = pytest.mark.skipif(not FLUX_PODS.is_dir(), reason=NO_FLUX_PODS)
LAMMPS = applications.load("lammps")
FLUX = k8s_operators.load("flux_operator")


def measured(path, *, ranks):
    job = SimpleNamespace(
        point=SimpleNamespace(ranks=ranks),
        operator=FLUX,
        application=LAMMPS,
        application_options=LAMMPS.read_options({}),
    )
    return record.measured(texts_of(path), job)


@needs_data
@pytest.mark.parametrize(
    ("name", "ranks", "times"),
    [
        ("ok_1node_broker.log", 1, (7.20657, 8.0, 9.91)),
        ("ok_2nodes_broker.log", 2, (6.74552, 7.48, 10.15)),
    ],
)
def test_a_good_job_is_measured(name, ranks, times):
    fields = measured(FLUX_PODS / name, ranks=ranks)
    names = ("loop_time_s", "launcher_time_s", "broker_time_s")
    assert tuple((fields | fields["figures"])[each] for each in names) == times


@needs_data
def test_the_events_of_a_good_job_are_read():
    events = FLUX.job_events(texts_of(FLUX_PODS / "ok_2nodes_broker.log"))
    assert (events["job_id"], events["status"], events["run_time_s"]) == ("QuBRVR", 0, 7.092)


@needs_data
@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        (
            "fail_badinput_2nodes_broker.log",
            ("LAMMPS ReaxFF HNS says 'ERROR on proc 0: Cannot open input script", "exit code 143"),
        ),
        (
            "fail_unsatisfiable_2nodes_broker.log",
            ("Flux says 'type=alloc unsatisfiable request: need 2 node(s)", "exit code 1;"),
        ),
        (
            "fail_worker_pod_deleted_broker.log",
            ("Flux says 'type=exec node failure on fluxlocal-", "exit code 143"),
        ),
    ],
)
def test_a_failed_job_tells_the_reason_that_is_in_its_log_before_its_exit_code(name, reasons):
    with pytest.raises(JobFailed) as caught:
        measured(FLUX_PODS / name, ranks=2)
    places = [str(caught.value).find(reason) for reason in reasons]
    assert -1 not in places
    assert places == sorted(places)


@needs_data
@pytest.mark.parametrize(
    "name",
    ["ok_2nodes_worker.log", "ok_2nodes_init.log", "fail_worker_pod_deleted_replacement.log"],
)
def test_the_log_of_another_pod_is_no_result(name):
    with pytest.raises(ParseError, match="FLUXTIME"):
        measured(FLUX_PODS / name, ranks=2)


@pytest.mark.parametrize(
    ("name", "ranks", "times"),
    [("ok_1node.log", 1, (15.5198, 16.45)), ("ok_2nodes.log", 2, (24.5482, 26.54))],
)
def test_recorded_run_of_this_project_is_measured(name, ranks, times):
    fields = measured(RECORDED / name, ranks=ranks)
    loop_time_s = fields["figures"]["loop_time_s"]
    assert (loop_time_s, fields["launcher_time_s"]) == times
    assert fields["launcher_version"] == "flux-core 0.88.0, sched-simple"


@pytest.mark.parametrize("name", ["ok_1node.log", "ok_2nodes.log"])
def test_application_lasts_longer_than_its_loop_by_flux_own_clock(name):
    stamped = stamped_lines_of(RECORDED / name)
    started, finished = FLUX.app_span(stamped)
    events = FLUX.job_events([text for _, text in stamped])
    loop_time_s = LAMMPS.parse([text for _, text in stamped]).figures["loop_time_s"]
    lasted_s = (finished - started).total_seconds()
    assert lasted_s == pytest.approx(events["run_time_s"], abs=1e-6)
    assert loop_time_s < lasted_s < loop_time_s + 2.0
    assert started < next(at for at, text in stamped if text.startswith(LAMMPS.first_line))
    assert finished < next(at for at, text in stamped if " clean" in text)


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_span_of_a_played_job_is_as_long_as_its_shortened_waiting(share):
    submitted = datetime(2026, 1, 2, tzinfo=UTC)
    events = ((0.0, "submit"), (2.0, "start"), (72.0, "finish"))
    stamped = [
        (submitted + timedelta(seconds=share * at_s), f"ƒSYNTHx: {at_s:.3f}s: {name} ")
        for at_s, name in events
    ]
    started, finished = FLUX.app_span(stamped, time_scale=share)
    assert started - submitted == timedelta(seconds=2 * share)
    assert finished - submitted == timedelta(seconds=72 * share)


def test_what_flux_saw_of_the_nodes_is_kept():
    events = FLUX.job_events(texts_of(RECORDED / "ok_2nodes.log"))
    assert events["resources"] == [{"rank": "0-1", "children": {"core": "0"}}]


def test_log_without_start_and_finish_tells_no_span():
    stamped = stamped_lines_of(RECORDED / "ok_2nodes.log")
    assert FLUX.app_span([each for each in stamped if ": finish " not in each[1]]) is None
    assert FLUX.app_span([]) is None
    assert FLUX.launcher_version([]) is None


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        (
            "bad_input_2nodes.log",
            ("LAMMPS ReaxFF HNS says 'ERROR on proc 0: Cannot open input script", "exit code 143"),
        ),
        ("unsatisfiable_2nodes.log", ("Flux says 'type=alloc unsatisfiable", "exit code 1;")),
        ("killed_rank_2nodes.log", ("task rank 1 on host ", "exited (Killed)", "exit code 137;")),
        ("lost_worker_2nodes.log", ("Flux says 'type=exec node failure on ", "exit code 143;")),
    ],
)
def test_recorded_failure_of_this_project_tells_its_reason_before_its_exit_code(name, reasons):
    with pytest.raises(JobFailed) as caught:
        measured(RECORDED / name, ranks=2)
    places = [str(caught.value).find(reason) for reason in reasons]
    assert -1 not in places
    assert places == sorted(places)
