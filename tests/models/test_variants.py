from __future__ import annotations

import pytest

from include import k8s_operators
from include.errors import StudyError
from include.models import Binding, Design, Study
from include.models.variants import arm_name, variants_of
from include.study.plan import read_study
from tests.plans import make_plan

PLAIN, BOUND = "-ompi=openmpi@5", "-ompi=openmpi@5 -c 1 -o cpu-affinity=per-task"
FLUX_ALONE = {
    "cluster": "simulated",
    "operators": ("flux_operator",),
    "operator_options": {"flux_operator": {"option_flags": [PLAIN, BOUND]}},
    "nodes": (1, 2),
    "warmups": 1,
    "repeats": 5,
}


def plan(**changes):
    return make_plan(Study.model_validate({**FLUX_ALONE, **changes}), study_id="demo-1234abcd")


def test_one_value_is_no_variant():
    given = {"flags": PLAIN, "other": 1}
    assert variants_of(given, factors=("flags",)) == {"": given}
    assert variants_of({"flags": [PLAIN]}, factors=("flags",)) == {"": {"flags": PLAIN}}
    assert variants_of({}, factors=("flags",)) == {"": {}}


def test_values_are_numbered_in_the_studys_order_or_named_by_it():
    listed = variants_of({"flags": [PLAIN, BOUND], "other": 1}, factors=("flags",))
    assert listed == {"v1": {"flags": PLAIN, "other": 1}, "v2": {"flags": BOUND, "other": 1}}
    named = variants_of({"flags": {"plain": PLAIN, "bound": BOUND}}, factors=("flags",))
    assert named == {"plain": {"flags": PLAIN}, "bound": {"flags": BOUND}}


def test_two_factors_are_crossed():
    found = variants_of({"a": [1, 2], "b": {"x": 3, "y": 4}}, factors=("a", "b"))
    assert list(found) == ["v1-x", "v1-y", "v2-x", "v2-y"]
    assert found["v2-x"] == {"a": 2, "b": 3}


def test_a_list_for_another_option_stays_a_value():
    assert variants_of({"other": [1, 2]}, factors=("flags",)) == {"": {"other": [1, 2]}}


def test_study_of_one_operator_has_a_cell_for_each_of_its_variants():
    points = plan().points
    assert len(points) == 2 * 2 * 6
    cells = {(p.k8s_operator, p.variant, p.nodes) for p in points}
    assert cells == {("flux_operator", v, n) for v in ("v1", "v2") for n in (1, 2)}
    assert len({point.point_id for point in points}) == len(points)
    first = next(point for point in points if point.variant == "v1")
    assert first.point_id == "demo-1234abcd-flux-operator-v1-1n-w1"
    assert str(first) == "flux_operator v1 1 node warm-up 1"


@pytest.mark.parametrize("design", list(Design))
def test_variants_of_one_repeat_stand_together_in_a_drawn_order_on_the_same_nodes(design):
    points = plan(design=design, placement="paired").points
    pairs = [points[place : place + 2] for place in range(0, len(points), 2)]
    for one, other in pairs:
        assert {one.variant, other.variant} == {"v1", "v2"}
        assert (one.nodes, one.repeat, one.is_warmup) == (
            other.nodes,
            other.repeat,
            other.is_warmup,
        )
        assert one.workers == other.workers
    assert {one.variant for one, _ in pairs} == {"v1", "v2"}  # neither is always the first


def test_order_of_operators_alone_does_not_change_when_one_gets_variants():
    swap = plan(operators=("mpi_operator", "flux_operator"))
    assert [phase.operators for phase in swap.phases] == [("mpi_operator",), ("flux_operator",)]
    assert {point.variant for point in swap.phases[0].points} == {""}
    assert k8s_operators.arms(swap.study) == (
        ("mpi_operator", ""),
        ("flux_operator", "v1"),
        ("flux_operator", "v2"),
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"option_flags": []}, "option_flags: give at least one value"),
        ({"option_flags": {}}, "option_flags: give at least one value"),
        ({"option_flags": [PLAIN, PLAIN]}, "names one twice"),
        ({"option_flags": {"Per Task": PLAIN, "b": BOUND}}, "'Per Task' cannot name a variant"),
        ({"option_flags": [PLAIN, 7]}, "flux_operator.option_flags: must be a text"),
        ({"view_image": ["a", "b"]}, "flux_operator.view_image: must be a text"),
    ],
)
def test_wrong_factor_is_refused_in_words(options, said):
    with pytest.raises(StudyError, match=said):
        read_study({**FLUX_ALONE, "operator_options": {"flux_operator": options}})


def test_declared_binding_must_fit_every_variant_that_does_not_replace_it():
    flags = {"flux_operator": {"option_flags": [None, BOUND]}}
    with pytest.raises(StudyError, match="Flux has no numa"):
        read_study({**FLUX_ALONE, "binding": "numa", "operator_options": flags})
    read_study({**FLUX_ALONE, "binding": "numa"})


def test_flags_of_the_study_take_the_place_of_the_binding():
    flux = k8s_operators.load("flux_operator")
    assert flux.binding(Binding.CORE, flux.read_options({})) is Binding.CORE
    assert flux.binding(Binding.CORE, flux.read_options({"option_flags": BOUND})) is None


def test_arm_is_the_operator_and_its_variant():
    assert arm_name("flux_operator", "") == "flux_operator"
    assert arm_name("flux_operator", "v1") == "flux_operator v1"
