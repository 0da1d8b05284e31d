import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import durations, gnu_time, posix_time
from tests.parsers.synthetic_logs import EVENTS_AFTER, FLUX_LOG, FLUX_TIMES, MPI_LOG, POSIX_TIME

EVENT = EVENTS_AFTER.splitlines()[0]
HUNDREDTHS = st.integers(0, 100 * 3600 * 200)


def split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def test_posix_block_is_read_among_other_lines():
    expected = posix_time.PosixTime(real_s=53.04)
    assert posix_time.parse(split(MPI_LOG)) == expected
    assert posix_time.parse(split(POSIX_TIME.replace("\n", "\r\n"))) == expected


def test_shell_block_with_minutes_is_read():
    found = posix_time.parse(["real\t1m22.58s", "user\t0m0.002s", "sys\t1h02m03.45s"])
    assert found.real_s == 82.58


def test_prose_that_begins_like_a_time_is_left_alone():
    found = posix_time.parse(["real time matters", *split(POSIX_TIME), "user friendly"])
    assert found.real_s == 53.04


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "none of them"),
        ("real 53.04\nuser 0.55\n", "real, user"),
        (POSIX_TIME + POSIX_TIME, "more than one"),
        (POSIX_TIME.replace("user", "sys"), "real, sys, sys"),
        ("real 53.0\nuser 0.55\nsys 0.72\n", "'real 53.0'"),
        ("real 53,04\nuser 0.55\nsys 0.72\n", "53,04"),
        ("real -1.00\nuser 0.55\nsys 0.72\n", "-1.00"),
        ("real 53.04 x\nuser 0.55\nsys 0.72\n", "more than its time"),
        ("real 1m61.00s\nuser 0.55\nsys 0.72\n", "sixty"),
        ("real 1h60m01.00s\nuser 0.55\nsys 0.72\n", "sixty"),
    ],
)
def test_posix_block_that_is_not_one_whole_block_is_refused(text, named):
    with pytest.raises(ParseError, match=re.escape(named)):
        posix_time.parse(split(text))


def test_event_at_every_place_of_a_posix_block_is_right_or_refused():
    for place in range(len(POSIX_TIME) + 1):
        for put in (f"\n{EVENT}\n", f"{EVENT}\n", f"\n{EVENT}", EVENT):
            text = POSIX_TIME[:place] + put + POSIX_TIME[place:]
            try:
                found = posix_time.parse(split(text))
            except ParseError:
                continue
            assert found == posix_time.parse(split(POSIX_TIME))


@given(st.integers(0, len(POSIX_TIME) - 2))
def test_cut_posix_block_is_refused(end):
    with pytest.raises(ParseError):
        posix_time.parse(split(POSIX_TIME[:end]))


@given(st.lists(st.text()))
def test_any_text_is_no_posix_block(lines):
    with pytest.raises(ParseError):
        posix_time.parse(lines)


@given(HUNDREDTHS)
def test_posix_seconds_are_exact_above_an_hour(hundredths):
    text = f"{hundredths // 100}.{hundredths % 100:02d}"
    found = posix_time.parse([f"real {text}", "user 0.00", "sys 0.00"])
    assert found.real_s == hundredths / 100


@given(HUNDREDTHS)
def test_minutes_and_seconds_of_a_shell_are_exact(hundredths):
    minutes, rest = divmod(hundredths, 6000)
    text = f"{minutes}m{rest // 100}.{rest % 100:02d}s"
    assert durations.shell_time(text) == hundredths / 100


def test_flux_times_are_read_and_command_lines_passed_over():
    expected = {"fluxsubmit": 79.24, "fluxstart": 3733.0}
    assert gnu_time.parse(split(FLUX_LOG), required=("fluxsubmit", "fluxstart")) == expected
    assert gnu_time.parse(split(FLUX_TIMES.replace("\n", "\r\n"))) == expected


def test_no_flux_time_is_an_empty_result_unless_required():
    assert gnu_time.parse(["nothing"]) == {}
    with pytest.raises(ParseError, match="FLUXTIME fluxstart wall time"):
        gnu_time.parse(["nothing"], required=("fluxstart",))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (FLUX_TIMES + FLUX_TIMES, "comes twice"),
        ("FLUXTIME fluxsubmit wall time 1:19.2", "1:19.2"),
        ("FLUXTIME fluxsubmit wall time 61:19.24", "61:19.24"),
        ("FLUXTIME fluxsubmit wall time 0:59:59", "below one hour"),
        ("FLUXTIME fluxsubmit wall time 1:60.00", "1:60.00"),
        ("45FLUXTIME fluxsubmit wall time 1:19.24", "more than its time"),
        ("FLUXTIME fluxsubmit wall time 1:19.24 and more", "more than its time"),
    ],
)
def test_wrong_flux_time_is_refused(text, named):
    with pytest.raises(ParseError, match=re.escape(named)):
        gnu_time.parse(split(text))


@given(st.integers(0, 359_999))
def test_gnu_elapsed_is_exact_below_an_hour(hundredths):
    minutes, rest = divmod(hundredths, 6000)
    text = f"{minutes}:{rest // 100:02d}.{rest % 100:02d}"
    assert durations.gnu_elapsed(text) == hundredths / 100


@given(st.integers(3600, 360_000))
def test_gnu_elapsed_and_wall_time_are_exact_from_an_hour_on(seconds):
    text = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    assert durations.gnu_elapsed(text) == seconds
    assert durations.h_mm_ss(text) == seconds


@given(st.text())
def test_any_text_is_a_time_of_its_own_digits_or_refused(text):
    for read in (durations.h_mm_ss, durations.gnu_elapsed, durations.shell_time):
        try:
            seconds = read(text)
        except ParseError:
            continue
        assert seconds >= 0
        assert text.isascii()


def test_event_at_every_place_of_a_flux_time_is_right_or_refused():
    right = gnu_time.parse(split(FLUX_TIMES))
    for place in range(len(FLUX_TIMES) + 1):
        for put in (f"\n{EVENT}\n", f"{EVENT}\n", f"\n{EVENT}", EVENT):
            text = FLUX_TIMES[:place] + put + FLUX_TIMES[place:]
            try:
                found = gnu_time.parse(split(text), required=("fluxsubmit", "fluxstart"))
            except ParseError:
                continue
            assert found == right
