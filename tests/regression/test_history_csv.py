"""Histories in a CSV file: what is read, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.regression.history_csv import read_history
from include.regression.series import HistoryError
from tests.regression.histories import csv_of, times

HEADER = "night,group,value\n"


def read(text):
    return read_history(text, source="h.csv")


def test_rows_are_gathered_by_group_and_night_in_the_order_of_nights():
    found = read(HEADER + "2026-01-02,b,3\n2026-01-01,b,1\n2026-01-02,a,5\n2026-01-02,b,2\n")
    assert [series.group for series in found.series] == ["a", "b"]
    assert [night.label for night in found.series[1].nights] == ["2026-01-01", "2026-01-02"]
    assert found.series[1].repeats == ((1.0,), (3.0, 2.0))
    assert found.tonight.label == "2026-01-02"


def test_columns_may_come_in_any_order_with_a_unit_and_a_byte_order_mark():
    found = read("\ufeffvalue,unit,group,night\n1.5,s,a,1\n1.6,s,a,2\n")
    assert found.series[0].repeats == ((1.5,), (1.6,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty.*header night, group, value"),
        (HEADER, "empty: it has no row"),
        (HEADER + "1,a,5\n1,a,6\n", r"one night \(1\).*add earlier nights"),
        (HEADER + "1,a,5\n2,a,nan\n", "line 3: value 'nan' is not finite; leave a failed run out"),
        (HEADER + "1,a,5\n2,a,\n", "line 3: value '' is no number"),
        (HEADER + "1,a,5\n2,a,inf\n", "not finite"),
        (HEADER + "1,a,5\n2,a,0\n", "must be above 0"),
        (HEADER + "1,a,5\n2,a,5.1 s\n", "line 3: value '5.1 s' carries a unit"),
        (HEADER + "1,a,5.0\n2,a,5100\n", "mixed units.*line 2.*line 3"),
        ("night,group,value,unit\n1,a,5,s\n2,a,5,ms\n", r"mixed units \(ms, s\)"),
        ("date,name,time\n1,a,5\n", "unknown schema: its columns are date, name, time; expected"),
        ("night,group,value,run\n1,a,5,x\n", "unknown schema"),
        ("night,group,value,value\n1,a,5,5\n", "unknown schema"),
        (HEADER + "1,a\n", "line 2: 2 fields, the header has 3"),
        (HEADER + "x,a,5\n", "night 'x' is neither a whole number nor a date"),
        (HEADER + "2026-13-01,a,5\n", "neither a whole number nor a date"),
        (HEADER + "1,a,5\n2026-01-01,a,5\n", "some nights are dates, others are numbers"),
        (HEADER + "1,,5\n", "line 2: the group is empty"),
        (HEADER + '1,a,"5\n', "no CSV"),
    ],
)
def test_a_bad_history_is_refused_and_says_what_to_do(text, said):
    with pytest.raises(HistoryError, match=said):
        read(text)


def test_a_row_that_is_there_twice_is_refused_with_its_lines():
    text = csv_of(times(nights=4))
    again = text.splitlines()[7]
    with pytest.raises(HistoryError, match=r"group a, night 1: duplicates: lines 8, 22 are equal"):
        read(text + again + "\n")


def test_a_table_that_was_appended_to_itself_is_refused():
    rows = times(nights=4)
    with pytest.raises(HistoryError, match="duplicates"):
        read(csv_of(rows) + csv_of(rows, header=False))


def test_two_equal_times_are_no_duplicates():
    text = HEADER + "1,a,5.1\n1,a,5.1\n1,a,5.2\n2,a,5.0\n2,a,5.3\n2,a,5.2\n"
    assert read(text).series[0].repeats[0] == (5.1, 5.1, 5.2)


def test_nights_without_data_are_told_also_before_tonight():
    found = read(HEADER + "1,a,5\n2,a,5.1\n5,a,5.2\n1,b,5\n2,b,5.1\n")
    gaps = [(gap.group, gap.first.label, gap.last.label, gap.nights) for gap in found.no_data]
    assert gaps == [("a", 3, 4, 2), ("b", 3, 5, 3)]


def test_a_missing_date_is_named():
    found = read(HEADER + "2026-02-27,a,5\n2026-03-01T02:00:00Z,a,5.1\n")
    assert [gap.first.label for gap in found.no_data] == ["2026-02-28"]


@given(
    st.dictionaries(
        st.integers(0, 400),
        st.lists(st.floats(10, 20, allow_nan=False), min_size=1, max_size=4, unique=True),
        min_size=2,
        max_size=9,
    )
)
def test_every_value_of_a_good_table_comes_back(nights):
    rows = [f"{night},g,{value!r}" for night, values in nights.items() for value in values]
    found = read(HEADER + "\n".join(reversed(rows)) + "\n")
    series = found.series[0]
    back = {n.label: sorted(v) for n, v in zip(series.nights, series.repeats, strict=True)}
    assert back == {night: sorted(values) for night, values in nights.items()}
    missing = sum(gap.nights for gap in found.no_data)
    assert missing == max(nights) - min(nights) + 1 - len(nights)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_its_place(text):
    try:
        found = read(HEADER + text)
    except HistoryError as err:
        said = str(err)
    else:
        said = f"h.csv has {len(found.series)} groups"
    assert said.startswith("h.csv")
