import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import ParseError
from include.parsers import lines


def chunked(data: bytes, places: list[int]) -> list[bytes]:
    cuts = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(cuts)]


def decoded(chunks: list[bytes]) -> list[str]:
    return [line for block in lines.blocks(chunks) for line in lines.lines_of(block)]


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_lines_are_the_same_wherever_the_bytes_are_cut(text, places):
    data = text.encode()
    whole = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    expected = whole if text else []
    assert decoded(chunked(data, places)) == expected


def test_no_bytes_are_no_line():
    assert lines.lines_of(b"") == []


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_any_bytes_become_text(data, places):
    found = decoded(chunked(data, places))
    assert found == decoded([data])
    assert all(isinstance(line, str) for line in found)


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_bytes_that_are_no_text_do_not_change_the_lines_around_them(data, places):
    whole = [line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n")]
    expected = [line.decode(errors="replace") for line in whole] if data else []
    assert decoded(chunked(data, places)) == expected


@given(st.text("ab\n\r", min_size=1), st.lists(st.text("ab", min_size=1, max_size=2)))
def test_lines_with_a_sign_are_those_of_all_lines(text, signs):
    block = text.encode()
    numbered = list(enumerate(lines.lines_of(block), start=1))
    assert list(lines.lines_with([sign.encode() for sign in signs], block)) == [
        (number, line) for number, line in numbered if any(sign in line for sign in signs)
    ]
    assert lines.count_lines(block) == len(numbered)


@pytest.mark.parametrize("letter", ["a", "ƒ", "👋"])
def test_endless_line_is_cut_and_marked(letter):
    chunks = [(letter * 50_000).encode()] * 40
    (line,) = decoded([*chunks, b"\n"])
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


@given(st.lists(st.text("0123456789+-.eE \t_na\u0663", min_size=1, max_size=8)))
def test_numbers_of_a_line_are_what_each_word_is_alone(words):
    line = " ".join(words)
    texts = line.split()
    try:
        expected = tuple(lines.number(text, line=line) for text in texts)
    except ParseError as err:
        with pytest.raises(ParseError, match=re.escape(str(err))):
            lines.numbers(texts, line=line)
    else:
        assert lines.numbers(texts, line=line) == expected


def test_a_number_too_large_is_refused_and_large_ones_are_not():
    assert lines.numbers(["1e308", "1e308"], line="1e308 1e308") == (1e308, 1e308)
    with pytest.raises(ParseError, match="too large"):
        lines.numbers(["1", "1e309"], line="1 1e309")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(value):
    assert lines.number(repr(value), line="") == value
