"""Where paid node-seconds went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.cost.ledger import Paid, Stretch, Use, spend

START = datetime(2026, 11, 23, tzinfo=UTC)
MOMENTS = st.integers(0, 500).map(lambda s: START + timedelta(seconds=s / 4))
PAID = st.lists(st.builds(Paid, since=MOMENTS, until=MOMENTS), max_size=8)
STRETCHES = st.lists(
    st.builds(
        Stretch,
        use=st.sampled_from(Use),
        start=MOMENTS,
        end=MOMENTS,
        nodes=st.none() | st.integers(0, 12),
        is_useful=st.booleans(),
    ),
    max_size=12,
)


def at(seconds):
    return START + timedelta(seconds=seconds)


def paid(*, nodes, until_s, since_s=0):
    return [Paid(since=at(since_s), until=at(until_s)) for _ in range(nodes)]


def stretch(use, start_s, end_s, **more):
    return Stretch(use=use, start=at(start_s), end=at(end_s), **more)


def spent_on(*args):
    spent, useful = spend(*args)
    return {use: node_s for use, node_s in spent.items() if node_s}, useful


@given(PAID, STRETCHES)
def test_the_parts_sum_to_all_paid_node_seconds(nodes, stretches):
    spent, useful = spend(nodes, stretches)
    total = sum(max((node.until - node.since).total_seconds(), 0) for node in nodes)
    assert sum(spent.values()) == pytest.approx(total)
    assert all(node_s >= 0 for node_s in spent.values())
    assert 0 <= useful <= total + 1e-9


@given(PAID, STRETCHES)
def test_the_order_of_steps_does_not_matter(nodes, stretches):
    steps = [each for each in stretches if each.nodes is None]
    assert spend(nodes, steps) == spend(nodes, steps[::-1])


def test_a_small_study_by_hand():
    stretches = [
        stretch(Use.CREATING, 0, 100),
        stretch(Use.INSTALLING, 100, 120),
        stretch(Use.STARTING, 130, 140, nodes=8),
        stretch(Use.SOLVING, 140, 200, nodes=8, is_useful=True),
        stretch(Use.DELETING, 200, 205, nodes=8),
        stretch(Use.DESTROYING, 205, 300),
    ]
    spent, useful = spent_on(paid(nodes=10, until_s=300, since_s=40), stretches)
    assert spent == {
        Use.CREATING: 600,  # from when the nodes were there
        Use.INSTALLING: 200,
        Use.IDLE: 100,
        Use.STARTING: 80,
        Use.SOLVING: 480,
        Use.DELETING: 40,
        Use.BESIDE: 150,
        Use.DESTROYING: 950,
    }
    assert useful == 480


def test_jobs_cannot_use_more_nodes_than_are_paid_for():
    stretches = [stretch(Use.SOLVING, 0, 10, nodes=3), stretch(Use.STARTING, 0, 10, nodes=3)]
    spent, _ = spent_on(paid(nodes=4, until_s=10), stretches)
    assert spent == {Use.SOLVING: 30, Use.STARTING: 10}


def test_a_step_beside_a_job_does_not_count_twice():
    stretches = [stretch(Use.INSTALLING, 0, 10), stretch(Use.SOLVING, 5, 10, nodes=1)]
    spent, _ = spent_on(paid(nodes=2, until_s=10), stretches)
    assert spent == {Use.INSTALLING: 10, Use.SOLVING: 5, Use.BESIDE: 5}


def test_nothing_paid_is_nothing_spent():
    assert spent_on([], [stretch(Use.CREATING, 0, 10)]) == ({}, 0.0)
