import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from include.analysis.looks import (
    Decision,
    critical_rank,
    look_at,
    repeats_for,
    schedule,
    shift_interval,
)

RUN_6 = schedule(repeats_min=6, repeats=20, comparisons=4)


def test_looks_of_twenty_repeats_from_six():
    assert RUN_6.repeats == (6, 10, 15, 20)
    assert RUN_6.levels == pytest.approx((0.010, 0.005, 0.005, 0.030))
    assert RUN_6.level_at(1) == pytest.approx(0.0025)


@given(st.integers(6, 40), st.integers(0, 60), st.integers(1, 30))
def test_levels_of_all_looks_and_comparisons_never_exceed_five_percent(least, more, comparisons):
    plan = schedule(repeats_min=least, repeats=least + more, comparisons=comparisons)
    assert plan.repeats[0] == least
    assert plan.repeats[-1] == least + more
    assert list(plan.repeats) == sorted(set(plan.repeats))
    every = sum(plan.level_at(look) for look in range(1, len(plan.repeats) + 1)) * comparisons
    assert every == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("n", "m", "level", "rank"),
    [  # tables of Mann-Whitney critical values, two-sided; rank is critical U + 1
        (6, 6, 0.05, 6),
        (6, 6, 0.01, 3),
        (10, 10, 0.05, 24),
        (10, 10, 0.002, 11),
        (15, 15, 0.002, 41),
        (20, 20, 0.05, 128),
        (8, 10, 0.05, 18),
        (3, 3, 0.05, 0),
    ],
)
def test_ranks_are_those_of_the_tables(n, m, level, rank):
    assert critical_rank(n, m, level) == rank


@given(
    st.integers(4, 9),
    st.integers(4, 9),
    st.sampled_from([0.3, 0.05, 0.01, 0.0025]),
    st.integers(0, 2**31),
)
def test_interval_excludes_zero_exactly_when_the_exact_test_rejects(n, m, level, seed):
    random = np.random.default_rng(seed)
    values, baseline = np.exp(random.normal(0.5, 1, n)), np.exp(random.normal(0, 1, m))
    _, low, high = shift_interval(values, baseline=baseline, level=level)
    p = mannwhitneyu(values, baseline, method="exact").pvalue
    assert (low > 0 or high < 0) == (p <= level)


def test_interval_of_a_sample_too_small_for_the_level_is_infinite():
    middle, low, high = shift_interval([2.0, 2.0], baseline=[1.0, 1.0], level=0.05)
    assert middle == pytest.approx(math.log(2))
    assert (low, high) == (-math.inf, math.inf)


def test_complete_separation_stops_at_the_first_look_with_a_winner():
    found = look_at(
        [90, 91, 92, 93, 94, 95], baseline=[100, 101, 102, 103, 104, 105], plan=RUN_6, look=1
    )
    assert found.decision is Decision.WINNER
    assert found.difference_percent == pytest.approx(-9.8, abs=0.1)


def test_a_difference_below_the_least_effect_is_no_winner():
    values = [100 + place / 100 for place in range(10)]
    baseline = [value * 1.01 for value in values]
    found = look_at(values, baseline=baseline, plan=RUN_6, look=2)
    assert found.high_percent < 0
    assert found.decision is Decision.NO_DIFFERENCE


def test_a_wide_interval_looks_again():
    random = np.random.default_rng(1)
    values, baseline = random.normal(100, 5, 6), random.normal(100, 5, 6)
    assert look_at(values, baseline=baseline, plan=RUN_6, look=1).decision is None


def test_an_interval_as_narrow_as_asked_for_stops():
    values = [100 + place / 2 for place in range(10)]
    baseline = [value * 1.005 for value in values]
    wide = look_at(values, baseline=baseline, plan=RUN_6, look=2, least_effect_percent=0.1)
    assert wide.decision is None
    narrow = look_at(
        values,
        baseline=baseline,
        plan=RUN_6,
        look=2,
        least_effect_percent=0.1,
        precision_percent=(wide.high_percent - wide.low_percent) / 2,
    )
    assert narrow.decision is Decision.PRECISE


def test_steady_times_need_the_least_repeats_and_noisy_ones_the_most():
    assert repeats_for([100.0] * 6, precision_percent=1, most=20, seed=1) == 6
    noisy = [80.0, 95.0, 100.0, 105.0, 120.0, 140.0]
    assert repeats_for(noisy, precision_percent=1, most=20, seed=1) == 20
    between = [98.0, 99.0, 100.0, 100.5, 101.0, 102.0]
    assert 6 < repeats_for(between, precision_percent=1.5, most=40, seed=1) < 40
