"""A figure of which more is better, from night to night: a fall is a regression."""

from __future__ import annotations

import random

import pytest
from upath import UPath

from include.models import Better, FigureOfMerit
from include.regression.findings import examine
from include.regression.history_csv import read_history
from include.regression.nights import gather
from include.regression.record_sets import StudyNight, _cells
from include.regression.series import HistoryError
from include.regression.settings import NightlyStudy
from include.regression.state import main
from include.regression.store import Store
from include.regression.text import effect

RATE = FigureOfMerit(
    name="triad_gb_per_s", unit="GB/s", title="Triad", better=Better.HIGHER, primary=True
)


def night(number, middle, *, declared=RATE):
    rng = random.Random(number)  # noqa: S311 made-up data, no secret
    records = [
        {
            "k8s_operator": "mpi_operator",
            "nodes": 2,
            "ranks": 2,
            "status": "valid",
            "is_warmup": False,
            "order_index": place,
            "application": "stream",
            "declared": [declared.model_dump(mode="json")],
            "figures": {declared.name: middle * (1 - abs(rng.gauss(0, 0.004)))},
        }
        for place in range(5)
    ]
    return StudyNight(
        study_id=f"s-{number}",
        dag_id="d",
        run_id=f"r{number}",
        night=f"2026-01-{number + 1:02d}",
        cells=tuple(_cells(records, {"repeats": 5})),
    )


def findings_of(step):
    nights = [night(number, 100.0 if number < 14 else 100.0 * step) for number in range(28)]
    return examine(gather(nights, any_of=()).history)


def test_a_rate_that_falls_by_five_percent_is_a_regression_of_five_percent():
    (change,) = findings_of(0.95).change_points
    assert change.is_regression
    assert change.relative_effect == pytest.approx(0.05, abs=0.005)
    assert change.night.label == "2026-01-15"
    assert effect(change).startswith("-5.0 % GB/s (-5.")


def test_a_rate_that_rises_is_an_improvement():
    (change,) = findings_of(1.06).change_points
    assert not change.is_regression
    assert change.relative_effect == pytest.approx(-0.06, abs=0.006)


def test_a_table_of_rates_says_so_and_a_rate_that_falls_is_a_regression():
    rows = [
        f"{night},a,{(100 if night < 14 else 95) * (1 - repeat / 1000)},GB/s,higher"
        for night in range(28)
        for repeat in range(5)
    ]
    text = "\n".join(["night,group,value,unit,better", *rows])
    (change,) = examine(read_history(text, source="rates.csv")).change_points
    assert change.is_regression
    assert effect(change).startswith("-5.0 % GB/s")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,a,5,GB/s,faster", "better is 'faster', neither lower nor higher"),
        ("2,a,5,GB/s,lower", "of some rows less is better, of others more"),
    ],
)
def test_a_table_of_rates_that_contradicts_itself_is_refused(row, reason):
    text = f"night,group,value,unit,better\n1,a,5,GB/s,higher\n{row}\n"
    with pytest.raises(HistoryError, match=reason):
        read_history(text, source="rates.csv")


def test_the_exported_history_of_a_rate_keeps_its_direction(tmp_path, capsys):
    store = Store(UPath(tmp_path), "nightly")
    for number in range(3):
        store.update(keep_nights=9, tonight=f"2026-01-{number + 1:02d}", current=night(number, 10))
    assert main([str(tmp_path), "nightly", "export"]) == 0
    (series,) = read_history(capsys.readouterr().out, source="export").series
    assert series.rate_unit == "GB/s"
    assert 1 / min(series.repeats[0]) == pytest.approx(10, rel=0.02)


def test_the_quantity_of_a_nightly_study_is_one_that_it_measures():
    settings = {"schedule": "@daily", "timezone": "UTC"}
    assert NightlyStudy(**settings).compared().name == "loop_time_s"
    assert NightlyStudy(**settings, quantity="launcher_time_s").compared().unit == "s"
    with pytest.raises(ValueError, match="'triad_gb_per_s' is none of loop_time_s"):
        NightlyStudy(**settings, quantity="triad_gb_per_s")
