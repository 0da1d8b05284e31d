import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from include.analysis import bootstrap, comparison, table
from include.analysis.analysis import analyse
from include.analysis.arms import arm_names, with_arms
from include.analysis.quantities import compared
from include.models import Status
from tests.analysis.synthetic import record, study_records
from tests.parsers.synthetic_logs import NO_RUN6, RUN6

RESAMPLINGS = 1000

COMPARED = [each.name for each in compared(table.to_frame(study_records()))]


def population(*, size, seed):
    """Like the cells of run 6: a narrow bulk, and a tail of slow runs; synthetic."""
    rng = np.random.default_rng(seed)
    slow = rng.random(size) < 0.1
    return 40 * (1 + np.abs(rng.normal(0, 0.01, size)) + slow * rng.uniform(0.05, 0.17, size))


def cell(times, **changes):
    return [
        record(loop_time_s=float(value), repeat=i, order_index=i, **changes)
        for i, value in enumerate(times, start=1)
    ]


def compared(ours, theirs):
    records = [
        *cell(theirs, k8s_operator="mpi_operator"),
        *cell(ours, k8s_operator="indexed_job"),
    ]
    return comparison.compare(table.to_frame(records)).iloc[0]


def test_bootstrap_of_a_median_has_the_distribution_of_resampling_all_values():
    for n in (7, 20):
        values = np.sort(population(size=n, seed=n))
        rng = np.random.default_rng(1)
        quick = bootstrap.resampled_medians(values, random=rng, resamples=100_000)
        full = np.median(rng.choice(values, (100_000, n)), axis=1)
        for at in np.quantile(full, [0.025, 0.25, 0.5, 0.75, 0.975]):
            assert np.mean(quick <= at) == pytest.approx(np.mean(full <= at), abs=0.01)
        assert quick.mean() == pytest.approx(full.mean(), rel=1e-4)


@settings(max_examples=50)
@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=30), st.integers(0, 5))
def test_difference_of_a_sample_to_itself_is_zero_and_inside_its_interval(values, seed):
    found = bootstrap.median_difference(values, baseline=values, seed=seed, resamples=2000)
    assert found.value == 0
    assert found.low <= 0 <= found.high


def test_same_seed_gives_the_same_interval():
    values, others = [1.0, 2, 3, 4, 5, 9], [2.0, 3, 4, 5, 6, 7]
    found = [bootstrap.median_difference(values, baseline=others, seed=3) for _ in range(2)]
    assert found[0] == found[1]


def test_baseline_of_zero_has_no_relative_difference():
    found = bootstrap.median_difference([1.0] * 6, baseline=[0.0] * 6, seed=1)
    assert (found.value, found.low, found.high) == (1, 1, 1)
    assert np.isnan(found.relative)


def test_difference_is_operator_minus_baseline_the_first_of_the_order():
    row = compared([9.0] * 6, [10.0] * 6)
    assert (row["operator"], row["baseline"]) == ("indexed_job", "mpi_operator")
    assert (row["difference"], row["difference_percent"]) == (-1, -10)
    assert (row["cliffs_delta"], row["n_operator"], row["n_baseline"]) == (-1, 6, 6)


def test_cliffs_delta_counts_pairs():
    row = compared([1.0, 2, 3, 4, 5, 6], [3.5] * 6)
    assert row["cliffs_delta"] == 0
    assert not row["is_significant"]


def test_fewer_than_six_values_have_a_difference_and_neither_interval_nor_test():
    row = compared([9.0] * 5, [10.0] * 20)
    assert row["difference"] == -1
    assert row[["low", "high_percent", "cliffs_delta", "mann_whitney_p", "holm_p"]].isna().all()
    assert not row["is_significant"]


def test_holm_keeps_the_order_and_leaves_out_what_is_unknown():
    corrected = comparison.holm([0.01, 0.04, float("nan"), 0.03])
    assert corrected[:2] == [0.03, 0.06]
    assert np.isnan(corrected[2])
    assert corrected[3] == 0.06
    assert comparison.holm([0.9, 0.8]) == [1.0, 1.0]
    assert comparison.holm([]) == []


def test_correction_counts_the_sizes_of_one_quantity():
    found = analyse(table.to_frame(study_records(repeats=8, nodes=(1, 2, 4)))).comparisons
    loop = found[found["quantity"] == "loop_time_s"]
    assert len(loop) == 3
    assert min(loop["holm_p"]) == pytest.approx(min(1.0, 3 * min(loop["mann_whitney_p"])))
    assert list(dict.fromkeys(found["quantity"])) == COMPARED


def test_three_operators_make_three_pairs_and_one_makes_none():
    three = study_records(operators=("mpi_operator", "indexed_job", "flux_operator"), nodes=(1,))
    found = comparison.compare(table.to_frame(three))
    assert len(found) == 3 * len(COMPARED)
    assert comparison.compare(table.to_frame(study_records(operators=("mpi_operator",)))).empty
    assert list(comparison.compare(table.to_frame([])).columns) == list(comparison.COLUMNS)


def test_warmups_and_failures_are_not_compared():
    times = [10.0] * 6
    records = [
        *cell(times, k8s_operator="a"),
        *cell(times, k8s_operator="b"),
        *cell([1.0] * 6, k8s_operator="b", is_warmup=True),
        *cell([1.0] * 6, k8s_operator="b", status=Status.INVALID),
    ]
    row = comparison.compare(table.to_frame(records)).iloc[0]
    assert (row["difference"], row["n_operator"]) == (0, 6)


def test_operators_of_two_studies_are_kept_apart():
    records = [record(study_id="a"), record(study_id="b"), record(k8s_operator="x", study_id="b")]
    frame = table.to_frame(records)
    ordered = arm_names(frame, study_id="b", arms=(("x", ""), ("mpi_operator", "")))
    assert ordered == ("x", "mpi_operator (b)")
    names = with_arms(frame)["k8s_operator"].tolist()
    assert names == ["mpi_operator (a)", "mpi_operator (b)", "x"]


def test_stand_in_of_an_operator_never_goes_by_the_operators_own_name():
    stood_in = {"k8s_operator": "flux_operator", "operator_version": "stand-in for v1 (simulated)"}
    frame = table.to_frame([record(), record(**stood_in)])
    assert with_arms(frame)["k8s_operator"].tolist() == ["mpi_operator", "flux_operator (stand-in)"]
    arms = (("flux_operator", ""), ("mpi_operator", ""), ("indexed_job", ""))
    assert arm_names(frame, study_id="demo-20260301", arms=arms) == (
        *("flux_operator (stand-in)", "mpi_operator", "indexed_job"),
    )
    both = table.to_frame([record(**stood_in), record(k8s_operator="flux_operator")])
    assert arm_names(both, study_id="demo-20260301", arms=arms[:1]) == (
        *("flux_operator", "flux_operator (stand-in)"),
    )


def names_a_winner(values, baseline):
    """True if this pair alone would be told apart, by the rule of `compare`."""
    if comparison._p_value(values, baseline) >= comparison.ALPHA:
        return False  # without the bootstrap, which takes most of the time
    resamples = comparison.LEAST_RESAMPLES
    row = comparison._pair(values, baseline=baseline, seed=1, resamples=resamples)
    return bool(comparison._corrected([row])[0]["is_significant"])


def winners(values, *, seed):
    """How often two samples of 20, both drawn from `values`, are told apart."""
    rng = np.random.default_rng(seed)
    ours, theirs = rng.choice(values, (2, RESAMPLINGS, 20))
    # All p-values at once: without a small one there is no winner, as the test below has it.
    may_be = mannwhitneyu(ours, theirs, axis=1).pvalue < comparison.ALPHA
    return sum(names_a_winner(a, b) for a, b in zip(ours[may_be], theirs[may_be], strict=True))


def test_no_winner_is_named_without_a_small_p_value():
    rng = np.random.default_rng(11)
    ours, theirs = rng.choice(population(size=5000, seed=7), (2, 100, 20))
    p_values = mannwhitneyu(ours, theirs, axis=1).pvalue
    pairs = list(zip(ours, theirs, strict=True))
    assert [comparison._p_value(a, b) for a, b in pairs] == pytest.approx(p_values)
    named = {i for i, (a, b) in enumerate(pairs) if names_a_winner(a, b)}
    assert named
    assert named <= set(np.flatnonzero(p_values < comparison.ALPHA))


@pytest.mark.parametrize("size", [20, 10_000])
def test_two_samples_of_one_population_are_told_apart_in_at_most_5_percent(size):
    assert winners(population(size=size, seed=7), seed=42) <= 0.05 * RESAMPLINGS


@pytest.mark.skipif(not RUN6.is_dir(), reason=NO_RUN6)
@pytest.mark.parametrize("operator", ["mpi_operator", "flux_operator"])
def test_two_samples_of_one_cell_of_run_6_are_told_apart_in_at_most_5_percent(operator, run6):
    runs = run6.frame[~run6.frame["is_warmup"] & (run6.frame["k8s_operator"] == operator)]
    for _, values in runs.groupby("nodes")["loop_time_s"]:
        assert winners(values.to_numpy(), seed=42) <= 0.05 * RESAMPLINGS


def test_four_sizes_of_one_population_name_any_winner_in_at_most_5_percent():
    rng = np.random.default_rng(3)
    ours, theirs = rng.choice(population(size=5000, seed=1), (2, RESAMPLINGS, 4, 20))
    p_values = mannwhitneyu(ours, theirs, axis=2).pvalue  # as comparison._p_value has them
    named = sum(min(comparison.holm(four)) < comparison.ALPHA for four in p_values)
    assert named <= 0.05 * RESAMPLINGS


def test_a_true_difference_of_5_percent_is_found():
    rng = np.random.default_rng(5)
    values = population(size=5000, seed=1)
    found = sum(
        names_a_winner(0.95 * rng.choice(values, 20), rng.choice(values, 20)) for _ in range(50)
    )
    assert found >= 45


def test_time_to_resample_does_not_grow_with_the_number_of_runs():
    many = np.random.default_rng(1).random(1_000_000)
    found = bootstrap.median_difference(many, baseline=many[:500_000], seed=1)
    assert found.high - found.low < 0.01
