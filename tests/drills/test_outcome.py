"""When a case keeps its promise; the playing itself is `make faults`."""

import pytest

from include.drills.outcome import HEAD, Colour, Outcome, Promise

GOOD = {
    "cluster": "simulated",
    "case": "etcd killed",
    "points": 2,
    "begun": 2,
    "valid": 2,
    "kept": 2,
    "colour": Colour.GREEN,
    "messages": ["etcd of the cluster on this machine has died: the end of its log"],
    "hurt_at": 100.0,
    "named_at": 104.2,
    "recovered_at": 121.0,
}
PROMISE = Promise(names=("etcd",))


def test_a_part_that_is_named_and_made_good_in_time_keeps_the_promise():
    outcome = Outcome(**GOOD)
    assert outcome.breaches(PROMISE) == []
    assert outcome.row(PROMISE, measured="0123456, 2") == (
        "| simulated | etcd killed | 2/2 | 2/2 | 2/2 | nothing | green | "
        "etcd of the cluster on this machine has died | 4 | 21 | yes | 0123456, 2 |"
    )
    assert outcome.row(PROMISE, measured="").count("|") == HEAD.count("|")


def test_a_row_tells_what_was_measured_and_kept_and_what_is_not_as_promised():
    outcome = Outcome(**GOOD | {"begun": 1, "kept": 1, "valid": 1, "left": ("process | etcd",)})
    row = outcome.row(Promise(names=("etcd",), valid=1, kept=1), measured="0123456, 2")
    assert " | 1/2 | 1/1 | 1/2 | " in row
    assert row.endswith(" | no: left behind: process / etcd | 0123456, 2 |")


@pytest.mark.parametrize(
    ("change", "breach"),
    [
        ({"valid": 1}, "valid is 1, not 2"),
        ({"kept": 1}, "kept is 1, not 2"),
        ({"colour": Colour.RED}, "colour is red, not green"),
        ({"left": ("process etcd",)}, "left behind: process etcd"),
        (
            {"messages": ["not ended after 120 s"]},
            "nobody was told of 'etcd', but: not ended after 120 s",
        ),
        ({"named_at": None}, "not told"),
        ({"named_at": 110.5}, "told only after 10 s"),
        ({"recovered_at": None}, "not at work again or stopped"),
        ({"recovered_at": 161.0}, "at work again or stopped only after 61 s"),
        ({"hurt_at": None}, "the harm was not done"),
        ({"broken": ["the harm failed: OSError"]}, "the harm failed: OSError"),
    ],
)
def test_what_is_lost_left_unnamed_or_late_breaks_it(change, breach):
    assert breach in Outcome(**GOOD | change).breaches(PROMISE)


def test_a_run_that_should_be_green_says_all_that_it_was_told():
    outcome = Outcome(
        **GOOD | {"colour": Colour.RED, "messages": ["etcd has died", "kwok has died"]}
    )
    assert "told: kwok has died" in outcome.breaches(PROMISE)


def test_times_count_only_where_they_are_promised():
    late = Outcome(**GOOD | {"named_at": None, "recovered_at": None})
    assert late.breaches(Promise(names=("etcd",), named_s=None, recovered_s=None)) == []


def test_what_the_harm_itself_keeps_has_to_be_told_and_nothing_else_may_stay():
    promise = Promise(leaves=("ca.crt",))
    assert Outcome(**GOOD, left=("state pki/ca.crt",)).breaches(promise) == []
    assert Outcome(**GOOD).breaches(promise) == ["ca.crt is not said to be left"]
    both = Outcome(**GOOD, left=("state pki/ca.crt", "process etcd"))
    assert both.breaches(promise) == ["left behind: process etcd"]


def test_a_long_cause_is_shortened_around_what_it_names():
    text = "x" * 300 + " etcd " + "y" * 300
    row = Outcome(**GOOD | {"messages": ["something else", text]}).row(PROMISE, measured="")
    assert "…" in row
    assert "etcd" in row
    assert len(row) < 250
