"""When a killed part of a cluster counts as survived; the killing itself is `make faults`."""

import pytest

from include import clusters
from include.bench.faults import QUICK, Outcome

GOOD = {
    "cluster": "simulated",
    "part": "etcd",
    "records": 2,
    "points": 2,
    "named": "etcd of the cluster on this machine has died",
    "named_s": 4.2,
    "recovered_s": 21.0,
    "recorded_s": 45.0,
}


def test_a_part_that_is_named_and_made_good_in_time_keeps_the_promise():
    outcome = Outcome(**GOOD)
    assert outcome.keeps_its_promise
    assert outcome.row() == (
        "| simulated | etcd | 2/2 | nothing | "
        "etcd of the cluster on this machine has died | 4 | 21 | 45 |"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"records": 1},
        {"left": ("process etcd",)},
        {"named": "not ended after 120 s"},
        {"named_s": None},
        {"named_s": 10.5},
        {"recovered_s": None},
        {"recovered_s": 60.5},
    ],
)
def test_what_is_lost_left_unnamed_or_late_breaks_it(change):
    assert not Outcome(**GOOD | change).keeps_its_promise


def test_the_quick_cases_are_among_all():
    assert set(QUICK) < set(clusters.load("simulated").parts)
    assert set(QUICK) < set(clusters.load("local").parts)
