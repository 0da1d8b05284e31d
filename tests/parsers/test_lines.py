from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import lines


def chunked(data: bytes, places: list[int]) -> list[bytes]:
    cuts = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(cuts)]


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_lines_are_the_same_wherever_the_bytes_are_cut(text, places):
    data = text.encode()
    whole = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    expected = whole if text else []
    assert list(lines.decode(chunked(data, places))) == expected


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_any_bytes_become_text(data, places):
    found = list(lines.decode(chunked(data, places)))
    assert found == list(lines.decode([data]))
    assert all(isinstance(line, str) for line in found)


@pytest.mark.parametrize("letter", ["a", "ƒ", "👋"])
def test_endless_line_is_cut_and_marked(letter):
    chunks = [(letter * 50_000).encode()] * 40
    (line,) = lines.decode([*chunks, b"\n"])
    assert line == letter * lines.LONGEST_LINE + lines.CUT_MARK


def test_terminal_codes_and_line_ends_are_taken_off():
    assert lines.clean("\x1b[1;31mred\x1b[0m \x1b[Kx\r\n") == "red x"
    assert lines.clean("plain") == "plain"


def test_long_lines_are_quoted_short():
    assert lines.shown("  a\tb ") == r"'a\tb'"
    assert len(lines.shown("x" * 1000)) < 200


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-Infinity", "1_0", "٣", "", "1e999", "0x1", "1.2.3"]
)
def test_what_is_not_a_finite_ascii_number_is_refused(text):
    with pytest.raises(ParseError, match="in the line .here"):
        lines.number(text, line="here")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(value):
    assert lines.number(repr(value), line="") == value
