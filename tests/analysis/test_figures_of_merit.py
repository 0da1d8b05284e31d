"""Figures that an application declares: direction, unit, several at once, and their problems."""

from __future__ import annotations

import pytest

from include.analysis import table
from include.analysis.analysis import analyse
from include.analysis.quantities import declared, quantities
from include.errors import StudyError
from include.models import Better, FigureOfMerit
from include.report.text import summary_text
from tests.analysis.synthetic import record

RATE = FigureOfMerit(
    name="triad_gb_per_s", unit="GB/s", title="Triad", better=Better.HIGHER, primary=True
)
LATENCY = FigureOfMerit(name="latency_us", unit="us", title="Latency", better=Better.LOWER)
WALL = FigureOfMerit(name="wall_s", unit="s", title="Wall time")


def runs(
    operator, values, *, figures=(RATE,), name="triad_gb_per_s", start=1, more=None, **changes
):
    return [
        record(
            point_id=f"{operator}-{start + place}",
            k8s_operator=operator,
            order_index=start + 2 * place,
            repeat=place + 1,
            application="stream",
            declared=figures,
            figures={name: value, **(more or {})},
            **changes,
        )
        for place, value in enumerate(values)
    ]


def spread(middle, count=8):
    return [middle * (1 + 0.002 * place) for place in range(count)]


def both(ours, theirs, **changes):
    records = [
        *runs("mpi_operator", ours, **changes),
        *runs("flux_operator", theirs, start=2, **changes),
    ]
    return analyse(table.to_frame(records), operators=("mpi_operator", "flux_operator"))


def test_more_of_a_rate_wins_and_is_told_in_its_unit():
    (verdict,) = both(spread(10.0), spread(11.4)).verdicts
    assert verdict.winner == "flux_operator"
    assert "Flux Operator has 14.0 % more GB/s, 95 % interval" in verdict.sentence


def test_less_of_a_rate_loses():
    (verdict,) = both(spread(10.0), spread(9.0)).verdicts
    assert verdict.winner == "mpi_operator"
    assert "Flux Operator has 10.0 % less GB/s" in verdict.sentence


def test_a_latency_in_microseconds_is_faster_when_it_is_less():
    latency = LATENCY.model_copy(update={"primary": True})
    (verdict,) = both(spread(10.0), spread(9.0), figures=(latency,), name="latency_us").verdicts
    assert verdict.winner == "flux_operator"
    assert "Flux Operator is 10.0 % faster" in verdict.sentence


def test_figures_of_one_run_are_corrected_together():
    figures = (RATE, LATENCY)
    alone = both(spread(10.0), spread(10.1)).comparisons
    together = both(
        spread(10.0), spread(10.1), figures=figures, more={"latency_us": 5.0}
    ).comparisons
    paired = together[together["quantity"] == "triad_gb_per_s"]["holm_p"].iloc[0]
    assert paired == pytest.approx(2 * alone["holm_p"].iloc[0])


def test_a_figure_without_a_direction_is_recorded_and_not_compared():
    found = both(spread(10.0), spread(9.0), figures=(RATE, WALL), more={"wall_s": 3.0})
    assert "wall_s" in found.frame
    assert "wall_s" not in set(found.comparisons["quantity"])


def test_speed_up_of_a_rate_is_its_growth():
    records = runs("mpi_operator", spread(10.0), nodes=1, ranks=1)
    records += runs("mpi_operator", spread(18.0), nodes=2, ranks=2, start=30)
    found = analyse(table.to_frame(records)).scaling
    assert found["speed_up"].tolist() == pytest.approx([1.0, 1.8])
    assert found["efficiency_percent"].tolist() == pytest.approx([100, 90])


def test_tables_name_the_figure_with_its_unit():
    text = summary_text(both(spread(10.0), spread(9.0)))
    assert "triad GB/s" in text.splitlines()[0]
    assert "loop" not in text


def test_a_run_of_another_problem_is_in_another_cell():
    small, large = {"atoms": 19_456, "steps": 100}, {"atoms": 4_980_736, "steps": 100}
    records = runs("mpi_operator", [40.0, 40.2, 40.4], problem=large)
    records += runs("mpi_operator", [6.4, 6.5, 6.6], problem=small, start=10)
    found = analyse(table.to_frame(records)).summary
    medians = dict(zip(found["problem"], found["triad_gb_per_s_median"], strict=True))
    assert medians == {"atoms 19,456": 6.5, "atoms 4,980,736": 40.2}


def test_runs_of_another_problem_are_not_compared():
    records = runs("mpi_operator", spread(10.0), problem={"n": 1000})
    records += runs("flux_operator", spread(20.0), problem={"n": 2000}, start=2)
    found = analyse(table.to_frame(records))
    assert found.verdicts == ()


def test_a_failed_run_that_told_no_problem_counts_with_its_size():
    records = runs("mpi_operator", [1.0, 2.0], problem={"n": 1})
    records += [record(application="stream", status="failed", order_index=9)]
    found = analyse(table.to_frame(records)).summary
    assert found[["n", "n_failed"]].to_numpy().tolist() == [[2, 1]]


def test_runs_of_another_version_of_the_program_are_in_another_cell_and_no_verdict():
    records = runs("mpi_operator", spread(10.0), program_version="1.0")
    records += runs("mpi_operator", spread(20.0), program_version="2.0", start=2)
    found = analyse(table.to_frame(records))
    assert set(found.summary["k8s_operator"]) == {"mpi_operator (1.0)", "mpi_operator (2.0)"}
    (verdict,) = found.verdicts
    assert verdict.winner is None
    assert "version of the program differs (2.0; 1.0)" in verdict.reasons


def test_one_name_in_two_units_is_refused():
    other = RATE.model_copy(update={"unit": "MB/s"})
    records = [*runs("mpi_operator", [1.0]), *runs("mpi_operator", [1.0], figures=(other,))]
    with pytest.raises(StudyError, match="triad_gb_per_s is in GB/s for some records"):
        declared(table.to_frame(records))


def test_declarations_survive_the_files():
    frame = table.to_frame(runs("mpi_operator", [1.0], figures=(RATE, LATENCY)))
    for again in (
        table.from_parquet(table.to_parquet(frame)),
        table.from_csv(table.to_csv(frame)),
    ):
        assert quantities(again) == quantities(frame)


def test_a_record_of_release_0_1_is_read_with_its_figures():
    old = record(loop_time_s=2.5, pot_eng=-113.3)
    assert old.figures == {"loop_time_s": 2.5, "pot_eng": -113.3}
    assert next(each.name for each in quantities(table.to_frame([old]))) == "loop_time_s"
