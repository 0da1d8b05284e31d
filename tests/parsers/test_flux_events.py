import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import flux_events
from tests.parsers.synthetic_logs import EVENTS_AFTER, FLUX_LOG

EVENTS = "ƒLGqfV1: 0.000s submit\nƒLGqfV1: 0.090s start\n" + EVENTS_AFTER


def test_events_are_read_among_other_lines():
    found = flux_events.parse(FLUX_LOG.splitlines(keepends=True))
    assert (found.job_id, found.status) == ("LGqfV1", 0)
    expected = {"submit": 0.0, "start": 0.09, "finish": 78.91, "clean": 78.911}
    assert found.seconds == expected
    assert found.run_time_s == 78.82


def test_colours_crlf_and_ascii_job_ids_are_understood():
    lines = ["\x1b[34mfLGqfV1\x1b[0m: 3600.500s start\r\n", "fLGqfV1: 7201.750s: finish\r\n"]
    found = flux_events.parse(lines)
    assert found.run_time_s == 3601.25
    assert found.status is None


def test_run_time_needs_both_ends():
    assert flux_events.parse(["ƒA1: 0.000s submit"]).run_time_s is None


def test_exception_keeps_its_time_and_failed_status():
    lines = ["ƒA1: 1.500s exception type=exec severity=0 lost", "ƒA1: complete: status=256"]
    found = flux_events.parse(lines)
    assert (found.seconds, found.status) == ({"exception": 1.5}, 256)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["nothing"], "no Flux job event"),
        (["ƒA1: 0.000s submit", "ƒB2: 0.000s submit"], "two Flux jobs, A1 and B2"),
        (["ƒA1: complete: status=0"] * 2, "completes twice"),
        (["   90   301.6ƒA1: 0.000s submit"], "mixed"),
        (["ƒA1: 0.0"], "mixed"),
        (["ƒA1: 78.910s finish   90   301.6"], "mixed"),
        (["12.5fA1: 78.910s finish", "ƒA1: complete: status=x"], "mixed"),
    ],
)
def test_wrong_events_are_refused(lines, named):
    with pytest.raises(ParseError, match=named):
        flux_events.parse(lines)


@given(st.integers(0, len(EVENTS)))
def test_cut_events_are_right_or_refused(end):
    whole = flux_events.parse(EVENTS.splitlines())
    try:
        found = flux_events.parse(EVENTS[:end].splitlines())
    except ParseError:
        return
    assert {name for name, _ in found.seconds.items() - whole.seconds.items()} <= {
        "submit"[:i] for i in range(7)
    } | {"start"[:i] for i in range(6)} | {"finish"[:i] for i in range(7)} | {
        "clean"[:i] for i in range(6)
    }
    assert found.status in (None, whole.status)


@given(st.lists(st.text(st.characters(exclude_characters="ƒf"))))
def test_text_without_an_event_is_refused(lines):
    with pytest.raises(ParseError, match="no Flux job event"):
        flux_events.parse(lines)
