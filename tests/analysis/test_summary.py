import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from include.analysis import cells, summary, table
from include.analysis.intervals import LEAST_N, median_interval
from include.analysis.phases import phase_medians
from include.analysis.quantities import compared
from include.analysis.summary import column, columns, summarise
from include.models import Status
from include.models.timeline import PHASES
from tests.analysis.synthetic import record, study_records

OPERATORS = ("mpi_operator", "indexed_job")

QUANTITIES = [each.name for each in compared(table.to_frame(study_records()))]


def runs(times, **changes):
    return [
        record(loop_time_s=value, repeat=i, order_index=i, **changes)
        for i, value in enumerate(times, start=1)
    ]


def test_one_row_per_cell_in_the_order_of_the_study():
    found = summarise(table.to_frame(study_records()), operators=OPERATORS[::-1])
    assert list(found.columns) == list(columns(table.to_frame(study_records())))
    keys = list(zip(found["nodes"], found["k8s_operator"], strict=True))
    assert keys == [(n, operator) for n in (1, 2) for operator in OPERATORS[::-1]]


def test_operators_stand_as_they_ran_when_no_order_is_given():
    assert cells.operator_order(table.to_frame(study_records())) == OPERATORS


def test_quantiles_of_known_values():
    found = summarise(table.to_frame(runs([1.0, 2.0, 3.0, 4.0, 5.0]))).iloc[0]
    statistics = {name: found[column("loop_time_s", name)] for name in ("median", "q25", "q75")}
    assert statistics == {"median": 3.0, "q25": 2.0, "q75": 4.0}
    assert (found["loop_time_min_s"], found["loop_time_max_s"], found["loop_time_n"]) == (1, 5, 5)
    assert pd.isna(found["launcher_time_median_s"])
    assert found["launcher_time_n"] == 0


def test_warmups_failures_and_invalid_runs_are_counted_apart():
    records = [
        *runs([1.0, 3.0]),
        *runs([100.0], is_warmup=True),
        *runs([200.0], status=Status.INVALID),
        *runs([None, None], status=Status.FAILED),
        *runs([None], status=Status.FAILED, is_warmup=True),
    ]
    found = summarise(table.to_frame(records)).iloc[0]
    assert found["loop_time_median_s"] == 2.0
    counts = found[["n", "n_warmups", "n_failed", "n_invalid"]].tolist()
    assert counts == [2, 1, 3, 1]
    assert sum(counts) == len(records)


def test_cell_without_a_valid_run_is_a_row_without_times():
    found = summarise(table.to_frame(runs([None], status=Status.FAILED)))
    assert found["n"].tolist() == [0]
    assert found[[column(quantity, "median") for quantity in QUANTITIES]].isna().all(axis=None)


def test_no_records_give_no_rows_but_all_columns():
    found = summarise(table.to_frame([]))
    assert found.empty
    assert list(found.columns) == list(columns(table.to_frame([])))
    assert "launcher_time_median_s" in found.columns


def test_interval_is_withheld_below_six_values_and_says_so():
    five = summarise(table.to_frame(study_records(repeats=5))).iloc[0]
    six = summarise(table.to_frame(study_records(repeats=6))).iloc[0]
    assert pd.isna(five["loop_time_low_s"])
    assert five["interval_note"] == "no 95 % interval of the median: 5 valid values, 6 are needed"
    assert (six["loop_time_low_s"], six["loop_time_high_s"]) == (
        six["loop_time_min_s"],
        six["loop_time_max_s"],
    )
    assert six["interval_note"] == ""


@pytest.mark.parametrize(("n", "rank"), [(6, 1), (8, 1), (9, 2), (20, 6), (21, 6), (100, 40)])
def test_interval_takes_the_order_statistics_of_the_tables(n, rank):
    found = median_interval([float(value) for value in range(n, 0, -1)])
    assert found is not None
    assert (found.low, found.high) == (rank, n + 1 - rank)


@given(st.integers(LEAST_N, 400))
def test_interval_covers_95_percent_and_the_next_narrower_does_not(n):
    found = median_interval([float(value) for value in range(1, n + 1)])
    assert found is not None
    rank = int(found.low)
    assert 1 - 2 * binom.cdf(rank - 1, n, 0.5) >= 0.95
    assert 1 - 2 * binom.cdf(rank, n, 0.5) < 0.95


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_interval_encloses_the_median_or_is_none(values):
    found = median_interval(values)
    assert (found is None) == (len(values) < LEAST_N)
    if found is not None:
        assert found.low <= pd.Series(values).median() <= found.high


def test_100_000_records_take_as_many_steps_as_their_cells(monkeypatch):
    calls = []
    monkeypatch.setattr(
        summary, "median_interval", lambda values: calls.append(len(values)) or None
    )
    frame = table.to_frame(study_records(repeats=20, nodes=(1, 2, 4, 8)))
    many = pd.concat([frame] * (100_000 // len(frame) + 1), ignore_index=True)
    assert len(summarise(many)) == 8
    assert len(calls) <= 8 * len(QUANTITIES)


def test_phases_are_medians_of_counted_runs_and_keep_their_sign():
    records = [
        record(create_pods_s=1.0, completion_lag_s=-0.25),
        record(create_pods_s=3.0, completion_lag_s=-0.75),
        record(create_pods_s=90.0, is_warmup=True),
        record(create_pods_s=90.0, status=Status.INVALID),
    ]
    found = phase_medians(table.to_frame(records))
    assert list(found.columns) == ["k8s_operator", "nodes", "problem", "n", *PHASES]
    row = found.iloc[0]
    assert (row["n"], row["create_pods_s"], row["completion_lag_s"]) == (2, 2.0, -0.5)
    assert pd.isna(row["delete_s"])


def test_phases_of_nothing_are_an_empty_table():
    found = phase_medians(table.to_frame([]))
    assert found.empty
    assert list(found.columns) == ["k8s_operator", "nodes", "problem", "n", *PHASES]
