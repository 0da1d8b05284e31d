"""What is said of a history: suspects, changes, and nothing of nights without data."""

from __future__ import annotations

import pytest

from include.regression.findings import Acknowledgement, examine
from include.regression.series import Night, Series, centre, make_history
from tests.regression.histories import series, times


def findings(*all_series, **options):
    return examine(make_history(all_series), **options)


def test_a_slow_night_is_a_suspect_and_no_change():
    found = findings(series(times(nights=31, steps=[(30, 1.06)])))
    assert [suspect.night.label for suspect in found.suspects] == [30]
    suspect = found.suspects[0]
    assert 0.03 < suspect.low < suspect.relative_effect < suspect.high
    assert [night.label for night in suspect.reference] == list(range(20, 30))
    assert found.change_points == ()
    assert not found.has_regression


def test_a_step_is_one_regression_dated_to_the_night_it_began():
    for nights in (34, 40, 60):
        found = findings(series(times(nights=nights, steps=[(30, 1.05)])))
        assert [change.night.label for change in found.change_points] == [30]
        change = found.change_points[0]
        assert change.is_regression
        assert change.last_before.label == 29
        assert change.low < 0.05 < change.high
        assert found.has_regression
        assert found.suspects == ()  # the new level is what tonight is compared with


def test_an_improvement_is_told_and_does_not_alarm():
    found = findings(series(times(nights=40, steps=[(30, 0.94)])))
    assert [change.is_regression for change in found.change_points] == [False]
    assert not found.has_regression


def test_nothing_is_found_in_nights_that_only_differ_by_chance():
    found = findings(*(series(times(nights=40, seed=n), group=f"g{n}") for n in range(5)))
    assert found.change_points == ()
    assert found.suspects == ()


def test_an_acknowledged_regression_stays_listed_and_alarms_no_more():
    rows = series(times(nights=40, steps=[(30, 1.05)]))
    word = Acknowledgement(group="a", night=31, reason="new compiler")
    found = findings(rows, acknowledged=[word])
    assert [change.reason for change in found.change_points] == ["new compiler"]
    assert not found.has_regression
    for other in ({"group": "b"}, {"night": 12}):
        assert findings(rows, acknowledged=[word.model_copy(update=other)]).has_regression


def test_a_second_step_alarms_although_the_first_is_acknowledged():
    rows = series(times(nights=60, steps=[(20, 1.05), (45, 1.05)]))
    word = Acknowledgement(group="a", night=20, reason="known")
    found = findings(rows, acknowledged=[word])
    assert [change.is_alarming for change in found.change_points] == [False, True]


def test_a_group_without_data_tonight_is_no_data_and_never_fine():
    late = series(times(nights=31, seed=3), group="late")
    early = series(times(nights=31, steps=[(29, 1.1)])[:30], group="early")
    found = findings(late, early)
    assert [(gap.group, gap.first.label) for gap in found.no_data] == [("early", 30)]
    assert found.suspects == ()  # its last night is not tonight


def test_groups_with_too_few_nights_are_named():
    found = findings(series(times(nights=5)), series(times(nights=6), group="b"))
    assert found.too_few == ("a",)


def test_the_centre_of_a_night_ignores_slow_outliers():
    assert centre([50, 50.2, 50.4, 57, 58]) == centre([50, 50.2, 50.4, 90, 95])
    assert centre([2.0]) == pytest.approx(0.6931, abs=1e-4)


def test_nights_are_compared_over_gaps():
    rows = times(nights=40, steps=[(30, 1.05)])
    kept = [n for n in range(40) if n not in (10, 11, 29, 33)]
    thinned = Series(
        group="a",
        nights=tuple(Night(day=n, label=n) for n in kept),
        repeats=tuple(tuple(rows[n]) for n in kept),
    )
    found = findings(thinned)
    assert [change.night.label for change in found.change_points] == [30]
    assert [gap.nights for gap in found.no_data] == [2, 1, 1]
