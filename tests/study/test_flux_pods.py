"""Records of points that real Flux ran, or failed, in real pods."""

from types import SimpleNamespace

import pytest

from include import applications, k8s_operators
from include.errors import JobFailed, ParseError
from include.study import record
from tests.parsers.flux_pods import texts_of
from tests.parsers.synthetic_logs import FLUX_PODS, NO_FLUX_PODS

pytestmark = pytest.mark.skipif(not FLUX_PODS.is_dir(), reason=NO_FLUX_PODS)
LAMMPS = applications.load("lammps")
FLUX = k8s_operators.load("flux_operator")


def measured(name, *, ranks):
    job = SimpleNamespace(
        point=SimpleNamespace(ranks=ranks),
        operator=FLUX,
        application=LAMMPS,
        application_options=LAMMPS.read_options({}),
    )
    return record.measured(texts_of(FLUX_PODS / name), job)


@pytest.mark.parametrize(
    ("name", "ranks", "times"),
    [
        ("ok_1node_broker.log", 1, (7.20657, 8.0, 9.91)),
        ("ok_2nodes_broker.log", 2, (6.74552, 7.48, 10.15)),
    ],
)
def test_a_good_job_is_measured(name, ranks, times):
    fields = measured(name, ranks=ranks)
    names = ("loop_time_s", "launcher_time_s", "broker_time_s")
    assert tuple((fields | fields["figures"])[each] for each in names) == times


def test_the_events_of_a_good_job_are_read():
    events = FLUX.job_events(texts_of(FLUX_PODS / "ok_2nodes_broker.log"))
    assert (events["job_id"], events["status"], events["run_time_s"]) == ("QuBRVR", 0, 7.092)


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
        measured(name, ranks=2)
    places = [str(caught.value).find(reason) for reason in reasons]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(
    "name",
    ["ok_2nodes_worker.log", "ok_2nodes_init.log", "fail_worker_pod_deleted_replacement.log"],
)
def test_the_log_of_another_pod_is_no_result(name):
    with pytest.raises(ParseError, match="FLUXTIME"):
        measured(name, ranks=2)
