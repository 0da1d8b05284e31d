from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers.kubelet_log import split_stamp

STAMP = "2026-11-22T06:20:40.123456789Z"
INSTANT = datetime(2026, 11, 22, 6, 20, 40, 123456, tzinfo=UTC)


def test_nanoseconds_are_cut_off_not_rounded():
    assert split_stamp(f"{STAMP} real 53.04") == (INSTANT, "real 53.04")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{STAMP} text\r\n", "text"),
        (f"{STAMP}   two blanks kept", "  two blanks kept"),
        (f"{STAMP} ", ""),
        (STAMP, ""),
        ("2026-11-22T07:20:40.123456+01:00 text", "text"),
    ],
)
def test_line_ends_empty_text_and_zones(line, text):
    assert split_stamp(line) == (INSTANT, text)


def test_fraction_may_be_short_or_missing():
    assert split_stamp("2026-11-22T06:20:40.5Z x")[0] == INSTANT.replace(microsecond=500_000)
    assert split_stamp("2026-11-22T06:20:40Z x")[0] == INSTANT.replace(microsecond=0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no stamp",
        f" {STAMP} text",
        f"{STAMP}text",
        "2026-11-22T06:20:40.123456789 text",
        "2026-11-22 06:20:40Z text",
        "2026-13-22T06:20:40Z text",
        "2026-11-22T06:20:61Z text",
        "2026-11-22T06:20:40+99:00 text",
        "0001-01-01T00:00:00+01:00 text",
        "2026-11-22T06:20:40.1234567890Z text",
    ],
)
def test_line_without_a_true_stamp_is_refused(line):
    with pytest.raises(ParseError, match="log line"):
        split_stamp(line)


@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(exclude_characters="\r\n")))
def test_every_instant_and_text_come_back(instant, text):
    stamp = instant.replace(tzinfo=None).isoformat(timespec="microseconds")
    assert split_stamp(f"{stamp}789Z {text}\n") == (instant, text)


@given(st.text())
def test_any_text_is_stamped_in_utc_or_refused(line):
    try:
        instant, _ = split_stamp(line)
    except ParseError:
        return
    assert instant.tzinfo is UTC
