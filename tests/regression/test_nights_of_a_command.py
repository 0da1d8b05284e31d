"""Nights of a study's own program, whose figure is a rate: what a person reads of a step down."""

from __future__ import annotations

import random

import pytest

from include import applications
from include.models import Study
from include.regression import nightly
from include.regression.settings import NightlyStudy
from tests.regression.studies import SERIES, date_of, make_study

NIGHTS = 28
STEP = 14  # first night of the slower level
OPTIONS = {
    "program": "stream",
    "problem": {"n": 80000000},
    "figures": [
        {
            "name": "triad_gb_per_s",
            "pattern": "^Triad: +([0-9.]+)",
            "unit": "GB/s",
            "better": "higher",
            "primary": True,
        }
    ],
}
COMMAND, GIVEN = applications.of_study(Study(application="command", application_options=OPTIONS))
SETTINGS = NightlyStudy(
    schedule="0 2 * * *",
    timezone="UTC",
    study={"application": "command", "application_options": OPTIONS, "operators": ["fake_a"]},
)


def make_nights(root, *, factor):
    """Nights of five runs, each a little below the level; from `STEP` on by the factor."""
    rng = random.Random(7)  # noqa: S311  made-up data, no secret
    for number in range(NIGHTS):
        level = 100.0 * (factor if number >= STEP else 1.0)
        values = [level * (1 - abs(rng.gauss(0, 0.004))) for _ in range(5)]
        results = make_study(
            root,
            number,
            [{"triad_gb_per_s": value} for value in values],
            application="command",
            options=OPTIONS,
            figure="figures",
            declared=COMMAND.figures,
            problem=dict(COMMAND.problem(GIVEN)),
        )
    nightly.note_night(results, series=SERIES, night=date_of(NIGHTS - 1))
    return results


@pytest.fixture
def published(tmp_path):
    results = make_nights(tmp_path, factor=0.95)
    told = nightly.publish(results, root=tmp_path, series=SERIES, settings=SETTINGS)
    return results, told


def test_a_step_down_of_five_percent_is_a_regression_told_with_its_unit(published):
    results, told = published
    (alert,) = told.news
    assert alert.kind.value == "regression"
    assert told.no_data == ()
    assert alert.night == date_of(STEP)
    assert "-5.0 % GB/s (-5." in told.message
    summary = results.read_text("regression/summary.md")
    assert "regression confirmed" in summary
    assert f"| {date_of(STEP)} |" in summary
    assert "-5.0 % GB/s" in summary
    assert "-5.0 % GB/s" in results.read_text("regression/junit.xml")
    with pytest.raises(nightly.RegressionConfirmed, match="-5.0 % GB/s"):
        nightly.raise_if_confirmed(results)


def test_the_trend_page_shows_the_rate_and_marks_its_fall(published, tmp_path):
    page = (tmp_path / "regression" / SERIES / "trend.html").read_text()
    assert "triad gb per s [GB/s]" in page
    assert f"{date_of(STEP)}: -5.0 % GB/s" in page
    assert 'class="mark regression"' in page


def test_a_step_up_is_an_improvement_and_the_run_stays_green(tmp_path):
    results = make_nights(tmp_path, factor=1.06)
    told = nightly.publish(results, root=tmp_path, series=SERIES, settings=SETTINGS)
    assert [alert.kind.value for alert in told.news] == ["improvement"]
    assert "+6.0 % GB/s" in told.message
    nightly.raise_if_confirmed(results)
