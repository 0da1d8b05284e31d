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
        (HEADER + "1,a,5\n2,a,\n", "line 3: the value is empty; leave a failed run out"),
        (HEADER + "1,a,5\n2,a,much\n", "line 3: value 'much' is no number"),
        (HEADER + "1,a,5\n2,a,inf\n", "not finite"),
        (HEADER + "1,a,5\n2,a,0\n", "must be above 0"),
        (HEADER + "1,a,5\n2,a,-5\n", "must be above 0"),
        (HEADER + "1,a,1e300\n2,a,1e300\n", "line 2: value '1e300' is no time; it is too large"),
        (HEADER + "1,a,5\n2,a,5.1 s\n", "line 3: value '5.1 s' carries a unit"),
        (HEADER + "1,a,5.0\n2,a,5100\n", "mixed units.*line 2.*line 3"),
        ("night,group,value,unit\n1,a,5,s\n2,a,5,ms\n", r"mixed units \(ms, s\)"),
        ("date,name,time\n1,a,5\n", "unknown schema: its columns are date, name, time; expected"),
        ("night,group,value,run\n1,a,5,x\n", "unknown schema"),
        ("night,group,value,value\n1,a,5,5\n", "unknown schema"),
        ("night,group,value,unit,unit\n1,a,5,s,s\n", "unknown schema"),
        ("\n \n", "empty.*header night, group, value"),
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


def test_a_table_of_which_most_is_there_twice_is_refused():
    rows = times(nights=9)
    lines = csv_of(rows, header=False).splitlines(keepends=True)
    with pytest.raises(HistoryError, match=r"night 3: duplicates: lines 17, 47 are equal"):
        read(csv_of(rows) + "".join(lines[15:]))


def test_single_repeats_that_were_appended_again_are_refused():
    rows = times(nights=4, repeats=1)
    with pytest.raises(HistoryError, match="duplicates: lines 2, 6 are equal"):
        read(csv_of(rows) + csv_of(rows, header=False))


def test_two_equal_times_are_no_duplicates():
    text = HEADER + "1,a,5.1\n1,a,5.1\n1,a,5.2\n2,a,5.0\n2,a,5.3\n2,a,5.2\n"
    assert read(text).series[0].repeats[0] == (5.1, 5.1, 5.2)


@pytest.mark.parametrize("repeats", [2, 5, 6])
def test_times_without_any_noise_are_no_duplicates(repeats):
    rows = [[50.0] * repeats] * 20 + [[52.5] * repeats] * 10
    assert read(csv_of(rows)).series[0].repeats[-1] == (52.5,) * repeats


@pytest.mark.parametrize("repeats", [2, 5])
def test_coarse_times_are_no_duplicates_also_in_a_night_with_more_repeats(repeats):
    rows = [row.round(0).tolist() for row in times(nights=30, repeats=repeats)]
    rows[7] = [50.0, 50.0, *rows[7]]
    assert len(read(csv_of(rows)).series[0].repeats[7]) == repeats + 2


def test_an_equal_pair_among_the_repeats_of_two_studies_is_no_duplicate():
    rows = times(nights=20).tolist()
    rows[9] += [rows[9][0], 50.11, 50.22, 50.33, 50.44]
    assert len(read(csv_of(rows)).series[0].repeats[9]) == 10


def test_blank_lines_are_skipped():
    found = read("\n\n" + HEADER + "1,a,5\n\n  \n2,a,5.1\n\n")
    assert found.series[0].repeats == ((5.0,), (5.1,))


def test_the_last_day_of_the_calendar_is_a_night():
    found = read(HEADER + "9999-12-30,a,5\n9999-12-31,a,5.1\n9999-12-30,b,5\n")
    assert [(gap.group, gap.last.label) for gap in found.no_data] == [("b", "9999-12-31")]


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
