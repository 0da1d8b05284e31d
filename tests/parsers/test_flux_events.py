import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import flux_events, lammps_log
from include.parsers.flux_events import FluxException
from tests.parsers.synthetic_logs import (
    EVENTS_AFTER,
    FLUX_LOG,
    TODAYS_EVENTS_AFTER,
    TODAYS_EVENTS_BEFORE,
    TODAYS_FLUX_LOG,
)

EVENTS = "ƒLGqfV1: 0.000s submit\nƒLGqfV1: 0.090s start\n" + EVENTS_AFTER
TODAYS_EVENTS = TODAYS_EVENTS_BEFORE + TODAYS_EVENTS_AFTER


def read(*lines):
    return flux_events.parse(lines)


def test_events_are_read_among_other_lines():
    events = flux_events.parse(FLUX_LOG.splitlines(keepends=True))
    assert (events.job_id, events.status, events.exit_code) == ("LGqfV1", 0, 0)
    assert events.seconds == {"submit": 0.0, "start": 0.09, "finish": 78.91, "clean": 78.911}
    assert events.run_time_s == 78.82
    assert events.exceptions == ()


def test_events_of_todays_flux_are_read_among_other_lines():
    events = flux_events.parse(TODAYS_FLUX_LOG.splitlines(keepends=True))
    assert (events.job_id, events.status, events.exit_code) == ("LGqfV1", 0, 0)
    assert events.run_time_s == 78.82
    assert events.seconds["exec.shell.init"] == 0.151
    assert (events.seconds["release"], events.seconds["validate"]) == (78.911, 0.012)


def test_lammps_is_read_among_events_of_todays_flux():
    assert lammps_log.parse(TODAYS_FLUX_LOG.splitlines()).loop_time_s == 2.7105


def test_colours_crlf_and_ascii_job_ids_are_understood():
    events = read("\x1b[34mfLGqfV1\x1b[0m: 3600.500s start\r\n", "fLGqfV1: 7201.750s: finish\r\n")
    assert events.run_time_s == 3601.25
    assert events.status is None


def test_run_time_needs_both_ends():
    assert read("ƒA1: 0.000s submit").run_time_s is None


@pytest.mark.parametrize(
    "line",
    [
        'submit {"flags":0,"urgency":16,"userid":0,"version":1}',
        'dependency-add {"description":"after-start=ƒFoo"}',
        'memo {"key":{"a":[1,"two",null]}}',
        'urgency {"urgency":0,"userid":1000}',
        'priority {"priority":4294967295}',
        'jobspec-update {"attributes.system.duration":60}',
        'resource-update {"expiration":1700000000.5}',
        'alloc {"annotations":{"sched":{"queue":"debug","t_estimate":0.0}}}',
        'prolog-start {"description":"job-manager.prolog"}',
        'epilog-finish {"description":"a note with } and {","status":0}',
        'release {"final":false,"ranks":"0-3,5"}',
        'a-plugins.own_event {"x":1}',
        'debug.alloc-request {"priority":16}',
        'exec.shell.task-exit {"localid":0,"rank":1,"state":"Exited","wait_status":0}',
        "set-flags ",
        "free ",
        "exec.init",
    ],
)
@pytest.mark.parametrize("job", ["ƒQuBRVR", "fQuBRVR"])
def test_every_event_with_a_whole_context_is_an_event(line, job):
    text = f"{job}: 1.250s: {line}"
    assert flux_events.is_event(text)
    assert read(text).seconds == {line.split()[0]: 1.25}


@pytest.mark.parametrize(
    ("context", "exception"),
    [
        (
            {"note": "unsatisfiable request", "severity": 0, "type": "alloc", "userid": 0},
            FluxException(type="alloc", severity=0, note="unsatisfiable request"),
        ),
        (
            {"note": "", "severity": 0, "type": "cancel", "userid": 0},
            FluxException(type="cancel", severity=0, note=""),
        ),
        (
            {"note": "resource allocation\nexpired", "severity": 0, "type": "timeout"},
            FluxException(type="timeout", severity=0, note="resource allocation\nexpired"),
        ),
    ],
)
def test_exception_of_todays_flux_is_read_with_its_note(context, exception):
    note = f"job.exception: type={context['type']} severity=0 {context['note']}"
    events = read("ƒA1: 0.000s: submit ", f"ƒA1: 0.027s: exception {json.dumps(context)}", note)
    assert events.exceptions == (exception,)
    assert events.fatal == exception
    assert events.seconds["exception"] == 0.027


def test_exception_that_ends_nothing_is_not_fatal():
    line = 'ƒA1: 0.027s: exception {"note":"slow","severity":3,"type":"exec","userid":0}'
    assert read(line).fatal is None
    assert read(line).exceptions[0].severity == 3


@pytest.mark.parametrize(
    ("line", "severity", "note"),
    [
        ("ƒA1: exception: type=exec note=lost contact", None, "lost contact"),
        ("ƒA1: 1.500s exception type=exec severity=0 lost", 0, "lost"),
        ("ƒA1: exception: type=exec note=", None, ""),
    ],
)
def test_exception_of_earlier_flux_is_read_with_its_note(line, severity, note):
    assert read(line).exceptions == (FluxException(type="exec", severity=severity, note=note),)
    assert read(line).fatal is not None


@pytest.mark.parametrize(
    ("line", "status", "exit_code"),
    [
        ("ƒA1: complete: status=0", 0, 0),
        ("ƒA1: complete: status=143", 143, 143),  # until 2023 an exit code
        ("ƒA1: 0.248s: complete: status=0", 0, 0),
        ("ƒA1: 0.248s: failed: status=36608", 36608, 143),  # since then a wait status
        ("ƒA1: 0.248s: failed: status=256", 256, 1),
        ("ƒA1: 0.248s: failed: status=9", 9, 137),
        ("ƒA1: 0.248s: failed: status=139", 139, 139),  # signal 11 with a core dump
        ('ƒA1: 0.248s: finish {"status":32512}', 32512, 127),
    ],
)
def test_end_of_a_job_gives_its_status_and_exit_code(line, status, exit_code):
    assert (read(line).status, read(line).exit_code) == (status, exit_code)


def test_what_flux_itself_logs_of_a_job_is_no_event():
    lines = [
        "<6>job-exec.info[0]: job-exception: id=ƒXuQ2hu: node failure on worker-1 (rank 1)",
        "job-manager.err[0]: jobtap: .perilog: ƒXuQ2hu: epilog failed",
        "flux-shell[0]:  WARN: exception: job ƒXuQ2hu: node failure on worker-1 (shell rank 1)",
        "job.exception: type=dependency severity=0 ƒXuQ2hu: can never be satisfied",
    ]
    assert not any(map(flux_events.holds_event, lines))
    assert read(*lines, "ƒXuQ2hu: 8.758s: failed: status=36608").exit_code == 143


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["nothing"], "no Flux job event"),
        (["ƒA1: 0.000s submit", "ƒB2: 0.000s submit"], "two Flux jobs, A1 and B2"),
        (["ƒA1: complete: status=0"] * 2, "completes twice"),
        (["ƒA1: 1.000s: complete: status=0", "ƒA1: 1.000s: failed: status=1"], "completes twice"),
        (['ƒA1: 1.000s: finish {"status":256}', "ƒA1: 1.0s: complete: status=0"], "mixed"),
        (
            ['ƒA1: 1.000s: finish {"status":256}', "ƒA1: 1.000s: complete: status=0"],
            "finishes with status 256 and ends with 0",
        ),
        (["   90   301.6ƒA1: 0.000s submit"], "mixed"),
        (["ƒA1: 0.0"], "mixed"),
        (["ƒA1: 78.910s finish   90   301.6"], "mixed"),
        (["12.5fA1: 78.910s finish", "ƒA1: complete: status=x"], "mixed"),
        (['   90   301.6ƒA1: 0.000s: submit {"flags":0}'], "mixed"),
        (['ƒA1: 0.000s: submit {"flags":0}   90   301.6'], "mixed"),
        (['ƒA1: 0.000s: submit {"flags":0'], "mixed"),
        (["ƒA1: 0.000s: submit {'flags':0}"], "mixed"),
        (['ƒA1: 0.000s: submit {"flags":NaN}'], "mixed"),
        (['ƒA1: 0.000s: submit {"flags":0} {"a":1}'], "mixed"),
        (['ƒA1: 0.000s: submit ["flags"]'], "mixed"),
        (["ƒA1: 0.000s: something-cut"], "mixed"),
        (["<6>broker.info[0]: onlineƒA1: 0.000s: submit "], "mixed"),
        (["ƒA1: 0.000s: memo " + '{"a":' * 9000 + "1" + "}" * 9000], "mixed"),
        (['ƒA1: 1.000s: finish {"status":"0"}'], "without its"),
        (['ƒA1: 1.000s: finish {"code":0}'], "without its 'status'"),
        (['ƒA1: 1.000s: exception {"note":"x","type":"exec"}'], "without its 'severity'"),
    ],
)
def test_wrong_events_are_refused(lines, named):
    with pytest.raises(ParseError, match=named):
        flux_events.parse(lines)


@pytest.mark.parametrize("text", [EVENTS, TODAYS_EVENTS])
@given(data=st.data())
def test_cut_events_are_right_or_refused(text, data):
    end = data.draw(st.integers(0, len(text)))
    complete = flux_events.parse(text.splitlines())
    try:
        events = flux_events.parse(text[:end].splitlines())
    except ParseError:
        return
    cut = {name[:length] for name in complete.seconds for length in range(len(name))}
    assert {name for name, _ in events.seconds.items() - complete.seconds.items()} <= cut
    assert events.status in (None, complete.status)


@given(st.lists(st.text(st.characters(exclude_characters="ƒf"))))
def test_text_without_an_event_is_refused(lines):
    with pytest.raises(ParseError, match="no Flux job event"):
        flux_events.parse(lines)
