"""Studies that end a size when its answer is known: what is left out, and what is told."""

from __future__ import annotations

import random

import pytest

from include.analysis.adaptive import last_looks, not_needed, sentence
from include.analysis.left_out import left_out
from include.analysis.looks import Decision
from include.models import LeftOut, Status, StopBy, Study
from include.results import Results
from include.study import turn
from include.study.turn import PointNotNeeded, next_point
from tests.fakes.points import record_of
from tests.plans import make_plan

OPERATORS = ("mpi_operator", "indexed_job")
LEAN = Study(
    operators=OPERATORS,
    nodes=(1, 2),
    repeats=20,
    repeats_min=6,
    warmups=1,
    design="interleaved",
    node_order="descending",
    placement="free",
)


BY_SPREAD = LEAN.model_copy(
    update={
        "stop_by": StopBy.SPREAD,
        "precision_percent": 2.0,
        "nodes": (1,),
        "repeats": 12,
    }
)


def planned(study=LEAN):
    return make_plan(study, study_id="lean-1234abcd")


def records_of(points, time_of):
    return [record_of(point, loop_time_s=time_of(point)) for point in points]


def separate(point):
    """One operator takes twice as long; no two times are alike."""
    return (1 + (point.k8s_operator == "mpi_operator")) * (10 + point.block / 1000)


def alike(point, noise=0.05):
    return 10 * (1 + random.Random(point.point_id).gauss(0, noise))  # noqa: S311


def in_blocks(plan, nodes, count):
    """The points of the first blocks of a size, warm-ups apart."""
    points = [p for p in plan.points if p.nodes == nodes and not p.is_warmup]
    blocks = list(dict.fromkeys(p.block for p in points))[:count]
    return [p for p in points if p.block in blocks]


def test_a_study_that_takes_all_repeats_needs_every_point():
    plan = planned(LEAN.model_copy(update={"repeats_min": None}))
    assert not_needed(plan, records_of(in_blocks(plan, 2, 10), separate)) == frozenset()


def test_nothing_is_left_out_before_the_first_look():
    plan = planned()
    assert not_needed(plan, records_of(in_blocks(plan, 2, 5), separate)) == frozenset()


def test_a_size_ends_at_the_look_that_decides_every_pair_and_others_go_on():
    plan = planned()
    left = not_needed(plan, records_of(in_blocks(plan, 2, 6), separate))
    at_two = {p.point_id for p in plan.points if p.nodes == 2 and not p.is_warmup}
    assert left == at_two - {p.point_id for p in in_blocks(plan, 2, 6)}
    (look,) = last_looks(plan, records_of(in_blocks(plan, 2, 6), separate))
    assert (look.nodes, look.look.look, look.looks) == (2, 1, 4)
    assert look.look.decision is Decision.WINNER
    assert "stopped at look 1 of 4 (20 planned)" in sentence(look)
    assert "Indexed Job is 50.0 % faster than MPI Operator" in sentence(look)


def test_a_difference_in_the_noise_runs_to_the_last_repeat():
    plan = planned()
    for count in (6, 10, 15, 19):
        records = records_of(in_blocks(plan, 1, count), alike)
        assert not_needed(plan, records) == frozenset()
    (look,) = [each for each in last_looks(plan, records) if each.nodes == 1]
    assert look.look.decision is None
    assert "looked at 3 of 4 times, undecided" in sentence(look)


def test_equal_times_end_with_no_difference_that_matters():
    plan = planned()
    records = records_of(in_blocks(plan, 1, 10), lambda p: 10 + p.block / 10_000)
    assert not_needed(plan, records)
    (look,) = last_looks(plan, records)
    assert look.look.decision is Decision.NO_DIFFERENCE


def test_a_block_counts_only_when_every_operator_has_a_valid_record():
    plan = planned()
    records = records_of(in_blocks(plan, 2, 6), separate)
    records[3] = record_of(in_blocks(plan, 2, 6)[3], status=Status.FAILED)
    assert not_needed(plan, records) == frozenset()
    records += records_of(in_blocks(plan, 2, 7)[12:], separate)
    assert not_needed(plan, records)


def test_warm_ups_are_always_needed():
    plan = planned()
    left = not_needed(plan, records_of(in_blocks(plan, 1, 6), separate))
    assert not [p for p in plan.points if p.is_warmup and p.point_id in left]


def test_one_operator_ends_by_the_spread_of_its_first_repeats():
    study = LEAN.model_copy(
        update={"operators": ("indexed_job",), "precision_percent": 2.0, "nodes": (1,)}
    )
    plan = planned(study)
    points = [p for p in plan.points if not p.is_warmup]
    steady = records_of(points[:6], lambda p: 10 + p.block / 1000)
    assert not_needed(plan, steady) == {p.point_id for p in points[6:]}
    noisy = records_of(points[:19], lambda p: alike(p, noise=0.3))
    assert not_needed(plan, noisy) == frozenset()


def test_a_study_that_ends_by_spread_never_ends_by_a_difference():
    plan = planned(BY_SPREAD)
    assert last_looks(plan, records_of(in_blocks(plan, 1, 6), separate)) == ()
    noisy = records_of(in_blocks(plan, 1, 11), lambda p: separate(p) * alike(p, noise=0.3))
    assert not_needed(plan, noisy) == frozenset()


def test_interleaved_operators_end_together_by_the_noisier_one():
    plan = planned(BY_SPREAD)
    first = in_blocks(plan, 1, 6)

    def one_is_noisy(point):
        return alike(point, noise=0.3 if point.k8s_operator == "mpi_operator" else 0.0001)

    assert not_needed(plan, records_of(first, one_is_noisy)) == frozenset()
    steady = records_of(first, lambda p: alike(p, noise=0.0001))
    assert len(not_needed(plan, steady)) == 12


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def store(results, points, time_of=separate):
    for point in points:
        record = record_of(point, loop_time_s=time_of(point))
        results.write_json(f"points/{point.point_id}/record.json", record.to_json())


def turn_of(results, plan, own, task):
    needless = not_needed(plan, results.records())
    return next_point(
        results, plan.phases[0], own, not_needed=dict.fromkeys(needless, LeftOut.KNOWN), task=task
    )


def measured_until_the_answer(plan):
    warmups = [p for p in plan.points if p.is_warmup]
    return [*warmups, *in_blocks(plan, 2, 6), *in_blocks(plan, 1, 6)]


def test_points_that_are_not_needed_are_left_out_one_by_one(results):
    plan = planned()
    store(results, measured_until_the_answer(plan))
    needless = not_needed(plan, results.records())
    for index in range(len(needless)):
        with pytest.raises(PointNotNeeded, match="is not needed: the answer") as left:
            turn_of(results, plan, plan.points[0], f"phase_1.points_{index}")
        assert left.value.point.point_id in needless
    assert set(left_out(results, plan, results.readable_records()[0])) == needless


def test_a_task_that_is_run_again_measures_the_point_that_it_left_out(results):
    plan = planned()
    store(results, measured_until_the_answer(plan))
    needless = not_needed(plan, results.records())
    for index in range(len(needless)):
        with pytest.raises(PointNotNeeded):
            turn_of(results, plan, plan.points[0], f"phase_1.points_{index}")
    again = turn_of(results, plan, plan.points[0], "phase_1.points_3")
    assert again.point_id in needless
    store(results, [again])
    assert set(left_out(results, plan, results.readable_records()[0])) == needless - {
        again.point_id
    }


def test_a_due_point_comes_before_those_that_are_not_needed(results):
    plan = planned()
    store(results, [p for p in plan.points if p.is_warmup and p.nodes == 2])
    store(results, in_blocks(plan, 2, 6))
    own = in_blocks(plan, 2, 7)[-1]
    assert turn_of(results, plan, own, "phase_1.points_20").nodes == 1


def test_records_are_read_only_for_a_study_that_may_end_early(results, monkeypatch):
    monkeypatch.setattr(Results, "readable_records", lambda self: pytest.fail("read"))
    plan = planned(LEAN.model_copy(update={"repeats_min": None}))
    assert turn._not_needed(results, plan) == {}


def test_points_that_are_not_needed_are_none_of_those_that_a_stop_left(results):
    plan = planned()
    store(results, [*measured_until_the_answer(plan)[:-12]])  # one size is decided, then a stop
    at_two = {p.point_id for p in plan.points if p.nodes == 2 and not p.is_warmup}
    measured = {p.point_id for p in in_blocks(plan, 2, 6)}
    assert set(left_out(results, plan, results.readable_records()[0])) == at_two - measured


def test_a_damaged_record_keeps_no_other_point_from_its_turn(results):
    plan = planned()
    store(results, measured_until_the_answer(plan))
    results.write_text(f"points/{in_blocks(plan, 2, 1)[0].point_id}/record.json", "{")
    assert isinstance(turn._not_needed(results, plan), dict)
