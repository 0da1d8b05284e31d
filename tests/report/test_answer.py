"""The first lines of a report: which is faster, may the operator be the cause, what it costs."""

from __future__ import annotations

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.report.answer import answer
from include.report.cost_by_operator import cost_by_operator
from include.report.run_list import list_runs
from include.report.when import when
from tests.analysis.synthetic import study_records


def records_of(**study):
    return study_records(repeats=8, warmups=0, **study)


def answer_to(records):
    return answer(analyse(table.to_frame(records)))


def scaled(records, *, operator, factor, nodes=None):
    """The records, with an operator's loop times made longer or shorter."""
    return [
        record.model_copy(
            update={
                "figures": record.figures | {"loop_time_s": record.figures["loop_time_s"] * factor}
            }
        )
        if record.k8s_operator == operator and nodes in {None, record.nodes}
        else record
        for record in records
    ]


def test_the_effect_comes_first_in_titles_with_sizes_and_intervals():
    records = scaled(records_of(), operator="indexed_job", factor=0.5)
    (effect,) = answer_to(records).effect
    assert effect.startswith("In these runs Indexed Job was ")
    assert "% faster than MPI Operator at all sizes, 1 and 2 nodes (95 % intervals within" in effect


def test_sizes_that_differ_are_told_apart_in_one_sentence():
    records = scaled(records_of(), operator="indexed_job", factor=0.5, nodes=2)
    (effect,) = answer_to(records).effect
    assert "faster than MPI Operator at 2 nodes (95 % interval " in effect
    assert "cannot be told apart at 1 node (95 % interval " in effect
    assert "\N{MINUS SIGN}" in effect


def test_where_nothing_differs_there_is_nothing_to_explain():
    found = answer_to(records_of())
    assert found.cause.startswith("No difference is shown, so there is none to explain: image,")
    winning = scaled(records_of(), operator="indexed_job", factor=0.5)
    assert answer_to(winning).cause.startswith("Yes: image,")


def test_variants_of_one_operator_are_asked_for_the_variant():
    head = {"k8s_operator": "mpi_operator", "variant": "head"}
    variants = [
        record if record.k8s_operator == "mpi_operator" else record.model_copy(update=head)
        for record in records_of()
    ]
    assert answer_to(records_of()).question == "Is it the operator"
    assert answer_to(variants).question == "Is it the variant"


def test_few_repeats_are_told_as_what_may_be_chance():
    found = answer_to(study_records())
    assert "with 3 repeats that may be chance" in found.effect[0]
    assert "fewer than 6 valid repeats (3)" in found.cause
    assert "At least 6 repeats, better 20" in found.settle or "at least 6 repeats" in found.settle
    assert not found.is_verdict


def test_simulated_runs_are_no_cause_of_anything():
    found = answer_to(records_of(simulated=True))
    assert found.cause == "Nothing was measured: the runs are simulated."
    assert found.settle == "The same study on a cluster with real nodes."


def test_one_operator_alone_and_no_record_at_all_are_said():
    alone = [record for record in records_of() if record.k8s_operator == "mpi_operator"]
    assert answer_to(alone).effect == (
        "MPI Operator ran alone: there is nothing to compare it with.",
    )
    assert answer_to([]).effect == ("Nothing was measured.",)


def test_a_cost_has_node_seconds_and_with_a_price_dollars():
    analysis = analyse(table.to_frame(records_of()))
    costs = cost_by_operator(analysis, node_usd_per_hour=3.6)
    first = costs.rows[0]
    assert (first.operator, first.nodes, first.baseline) == ("MPI Operator", 1, None)
    assert first.usd == pytest.approx(first.node_s / 1000)
    assert costs.rows[1].baseline == "MPI Operator"
    assert "95 % interval" in costs.rows[1].change
    sentence = costs.sentence()
    assert sentence.startswith("A valid result at 2 nodes took $")
    assert "under MPI Operator and $" in sentence
    free = cost_by_operator(analysis, node_usd_per_hour=None)
    assert "No price is known; give hourly_price_usd." in free.sentence()
    assert free.rows[0].usd is None


def test_a_run_far_from_its_cell_is_marked_and_none_is_without_reason():
    records = records_of()
    odd = records[-1]
    far = odd.model_copy(update={"figures": odd.figures | {"loop_time_s": 99.0}})
    runs = list_runs(analyse(table.to_frame([*records[:-1], far])).frame)
    assert [run.anchor for run in runs if run.is_outlier] == [f"run-{odd.study_id}-{odd.point_id}"]
    assert not any(run.is_outlier for run in list_runs(table.to_frame(records)))


def test_when_is_the_stretch_of_the_runs():
    text = when(table.to_frame(records_of())).text
    assert "UTC" in text
    assert when(table.to_frame([])).text == "When it ran is not recorded."
