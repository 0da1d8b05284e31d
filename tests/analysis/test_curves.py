"""Figures over message size: medians, intervals, and what two operators differ by at each size."""

from __future__ import annotations

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.curves import curve_sentences
from include.applications import load
from include.report.figures import draw_all
from tests.analysis.synthetic import record

OPERATORS = ("mpi_operator", "flux_operator")
SIZES = tuple(1 << power for power in range(11))


def run(operator, place, *, factor=1.0):
    curve = {size: factor * (2 + size / 1000) * (1 + 0.002 * place) for size in SIZES}
    return record(
        point_id=f"{operator}-{place}",
        k8s_operator=operator,
        order_index=2 * place + OPERATORS.index(operator) + 1,
        application="netpipe",
        declared=load("netpipe").figures,
        figures={"latency_us": curve[1], "bandwidth_mbit_per_s": 100.0},
        curves={"latency_by_size_us": curve},
        problem={"most_bytes": 1024},
    )


def analysed(*, repeats=8, factor=1.0):
    records = [run("mpi_operator", place) for place in range(repeats)]
    records += [run("flux_operator", place, factor=factor) for place in range(repeats)]
    return analyse(table.to_frame(records), operators=OPERATORS)


def test_a_curve_has_a_median_and_an_interval_for_each_size_and_operator():
    found = analysed().curves
    assert found["at"].tolist() == [*SIZES, *SIZES]
    assert found["n"].eq(8).all()
    assert (found["low"] < found["median"]).all()
    assert found["unit"].eq("us").all()


def test_sizes_are_compared_with_correction_for_their_number():
    pairs = analysed(factor=1.2).curve_pairs
    assert pairs["is_significant"].all()
    assert pairs["holm_p"].min() == pytest.approx(len(SIZES) * pairs["mann_whitney_p"].min())
    assert pairs["difference_percent"].tolist() == pytest.approx([20.0] * len(SIZES))
    (sentence,) = curve_sentences(pairs)
    assert "flux_operator has more at 11, less at 0, than mpi_operator" in sentence


def test_equal_curves_differ_nowhere():
    assert not analysed().curve_pairs["is_significant"].any()


def test_few_runs_are_not_told_apart():
    found = analysed(repeats=3, factor=2.0)
    assert found.curves["low"].isna().all()
    (sentence,) = curve_sentences(found.curve_pairs)
    assert "fewer than 6 runs" in sentence


def test_a_curve_is_drawn_and_one_without_runs_is_not():
    names = [drawing.name for drawing in draw_all(analysed(), operators=OPERATORS)]
    assert "latency_by_size_us" in names
    assert "bandwidth_by_size_mbit_per_s" not in names


def test_records_without_curves_have_empty_tables():
    found = analyse(table.to_frame([record(loop_time_s=1.0)]))
    assert found.curves.empty
    assert found.curve_pairs.empty
