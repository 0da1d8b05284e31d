"""Histories as they come: odd nights, mended regressions, dates in other forms, small hours."""

import json
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from include.regression import __main__ as program
from include.regression.findings import find_change_points
from include.regression.history_csv import read_history
from include.regression.rules import DEFAULT
from include.regression.series import HistoryError, Night
from tests.regression.histories import series, times

FIRST = date(2026, 1, 1)
SPREAD = 0.005


def changes(rows):
    found = find_change_points(series(rows), DEFAULT)
    return [(change.night.label, round(change.relative_effect, 2)) for change in found]


@pytest.mark.parametrize("factor", [0.8, 0.92, 0.95, 1.1])
@pytest.mark.parametrize("at", [0, 15, 28])
def test_one_odd_night_is_no_level(factor, at):
    for seed in range(10):
        rows = times(nights=30, seed=seed, spread=SPREAD)
        rows[at] *= factor
        assert changes(rows) == []


@pytest.mark.parametrize(("nights", "factor"), [(6, 1.1), (3, 1.1), (2, 1.1), (6, 1.05), (6, 0.9)])
def test_a_change_that_was_mended_is_found_afterwards(nights, factor):
    for seed in range(10):
        steps = ((20, factor), (20 + nights, 1 / factor))
        found = changes(times(nights=40, seed=seed, spread=SPREAD, steps=steps))
        assert [night for night, _ in found[:2]] == [20, 20 + nights]  # noise may add one later
        assert found[0][1] == pytest.approx(factor - 1, abs=0.03)
        assert found[0][1] * found[1][1] < 0


def test_two_mended_changes_are_four():
    steps = ((15, 1.1), (20, 1 / 1.1), (30, 1.1), (36, 1 / 1.1))
    found = changes(times(nights=50, seed=3, spread=SPREAD, steps=steps))
    assert [night for night, _ in found] == [15, 20, 30, 36]


def test_histories_without_change_are_seldom_called_changed():
    random = np.random.default_rng(5)
    alarms = sum(
        bool(changes(times(nights=60, seed=int(seed)))) for seed in random.integers(0, 9999, 100)
    )
    assert alarms <= 10


def csv_text(stamps, rows):
    lines = ["night,group,value"]
    for row_stamps, row in zip(stamps, rows, strict=True):
        lines += [f"{stamp},a,{value:.4f}" for stamp, value in zip(row_stamps, row, strict=True)]
    return "\n".join(lines) + "\n"


def dated(form, *, nights=40):
    rows = times(nights=nights, spread=0.002, steps=((30, 1.05),))
    days = [FIRST + timedelta(days=night) for night in range(nights)]
    return csv_text([[day.strftime(form)] * rows.shape[1] for day in days], rows)


@pytest.mark.parametrize("form", ["%Y%m%d", "%G-W%V-%u", "%Y%m%dT0305", "%Y-%m-%dT03:05:06Z"])
def test_dates_of_each_iso_form_are_dates(form, tmp_path, capsys):
    (tmp_path / "history.csv").write_text(dated(form))
    code = program.main([str(tmp_path / "history.csv"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [change["night"] for change in found["change_points"]] == ["2026-01-31"]
    assert found["no_data"] == []


@pytest.mark.parametrize("night", [20260202, "20260202", "2026-02-02", "2026-02-02T08:00"])
def test_acknowledgement_a_few_real_days_off_counts(night, tmp_path):
    (tmp_path / "history.csv").write_text(dated("%Y%m%d"))
    word = {"group": "a", "night": night, "reason": "new compiler"}
    (tmp_path / "known.json").write_text(json.dumps([word]))
    known = ["--acknowledged", str(tmp_path / "known.json")]
    assert program.main([str(tmp_path / "history.csv"), *known]) == 0


def test_acknowledgement_of_no_night_is_bad_input(tmp_path, capsys):
    (tmp_path / "history.csv").write_text(dated("%Y%m%d"))
    (tmp_path / "known.json").write_text('[{"group": "a", "night": "soon", "reason": "x"}]')
    known = ["--acknowledged", str(tmp_path / "known.json")]
    assert program.main([str(tmp_path / "history.csv"), *known]) == 2
    assert "'soon' is neither a whole number nor a date" in capsys.readouterr().err


def test_eight_digits_that_are_no_date_are_a_number():
    assert Night.read("20260132").day == 20260132
    assert Night.read("20260131").label == "2026-01-31"
    with pytest.raises(ValueError, match="day is out of range"):
        Night.read("2026-01-32")


def hours(begin, minutes, *, nights=40):
    rows = times(nights=nights, spread=0.002, steps=((30, 1.05),))
    starts = [datetime.combine(FIRST, begin) + timedelta(days=night) for night in range(nights)]
    stamps = [[(s + timedelta(minutes=m)).isoformat() for m in minutes] for s in starts]
    return csv_text(stamps, rows)


def at(hour, minute=0):
    return datetime(2026, 1, 1, hour, minute).time()  # noqa: DTZ001 a time of day


@pytest.mark.parametrize(
    ("begin", "minutes"),
    [
        (at(23, 40), (0, 8, 16, 24, 32)),
        (at(22), (0, 60, 120, 180, 240)),
        (at(20), (0, 90, 180, 270, 400)),
        (at(1), (0, 30, 60, 90, 120)),
        (at(0), (0, 1, 2, 3, 4)),
        (at(9), (0, 60, 120, 180, 240)),
    ],
)
def test_repeats_of_a_night_stay_together_over_midnight(begin, minutes):
    (one,) = read_history(hours(begin, minutes), source="history.csv").series
    assert {len(repeats) for repeats in one.repeats} == {5}
    assert (one.nights[0].label, len(one.nights)) == ("2026-01-01", 40)
    (change,) = find_change_points(one, DEFAULT)
    assert change.night.label == "2026-01-31"


def test_two_sessions_a_day_are_of_their_date():
    text = hours(at(6), (0, 1, 2, 14 * 60, 14 * 60 + 1))
    (one,) = read_history(text, source="history.csv").series
    assert {len(repeats) for repeats in one.repeats} == {5}


def test_dates_and_numbers_are_not_mixed():
    with pytest.raises(HistoryError, match="some nights are dates, others are numbers"):
        read_history("night,group,value\n20260131,a,1\n20260132,a,1\n", source="h.csv")
