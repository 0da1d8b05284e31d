"""Change points, checked against apache-otava's in the same series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind

from include.regression.levels import compare, find_changes

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "change_points.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: str(case["steps"]))
def test_the_same_changes_as_apache_otava(case):
    found = find_changes(
        np.log(case["series"]), window=GOLDEN["window"], p=GOLDEN["p"], effect=GOLDEN["effect"]
    )
    assert list(found) == case["found"]


def test_the_golden_cases_have_steps_that_are_found():
    assert sum(len(case["found"]) for case in GOLDEN["cases"]) > 20


def test_the_test_is_students():
    random = np.random.default_rng(3)
    left, right = random.normal(0, 1, 12), random.normal(0.5, 1, 4)
    ours, theirs = compare(left, right), ttest_ind(right, left)
    interval = theirs.confidence_interval()
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.interval(0.95) == pytest.approx((interval.low, interval.high))


def test_equal_values_have_no_change_and_a_step_without_noise_has_one():
    assert find_changes(np.zeros(30), window=50, p=0.001, effect=0.01) == ()
    step = np.repeat([0.0, 0.1], 10)
    assert find_changes(step, window=50, p=0.001, effect=0.01) == (10,)


@pytest.mark.parametrize("count", range(4))
def test_few_values_have_no_change(count):
    values = np.linspace(0, 1, count)
    assert find_changes(values, window=50, p=0.001, effect=0.01) == ()


def test_a_step_below_the_least_effect_is_left_out():
    random = np.random.default_rng(1)
    values = np.repeat([0.0, 0.008], 40) + random.normal(0, 0.002, 80)
    assert find_changes(values, window=50, p=0.001, effect=0.01) == ()
    assert find_changes(values, window=50, p=0.001, effect=0.005) == (40,)


def test_one_night_is_no_level_when_two_are_asked_for():
    random = np.random.default_rng(1)
    values = np.append(random.normal(0, 0.01, 30), 0.2)
    assert find_changes(values, window=50, p=0.001, effect=0.01) == (30,)
    assert find_changes(values, window=50, p=0.001, effect=0.01, least_after=2) == ()
