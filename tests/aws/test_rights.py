"""The rights of bootstrap.yaml: all that CloudFormation's own handlers and our calls need, no more.

What must hold of the whole is among the checks of `tests/aws/meaning.py`; here a right, or a limit,
that is taken away is missed.
"""

from __future__ import annotations

import copy

import pytest

from include.aws.templates import read
from tests.aws import meaning
from tests.aws.meaning import Stack
from tests.aws.rights_of import MAKING, POLICIES, TYPES, actions_of, called

EMAIL = {"Email": "someone@example.org"}


def statements(template):
    for policy in POLICIES:
        yield from template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]


RIGHTS = sorted({a for s in statements(read("bootstrap.yaml")) for a in actions_of(s)})
SIDS = sorted(s["Sid"] for s in statements(read("bootstrap.yaml")) if s["Resource"] != "*")


def is_seen(template):
    made = Stack(template, EMAIL)
    for check in meaning.ACCOUNT_CHECKS:
        try:
            check(made)
        except (AssertionError, KeyError, TypeError, ValueError):
            return True
    return False


def test_every_type_of_the_stack_says_what_it_calls():
    assert len(TYPES) > 20
    assert all(called(kind, MAKING) for kind in TYPES)


@pytest.mark.parametrize("action", RIGHTS)
def test_right_that_is_taken_away_is_missed(action):
    changed = copy.deepcopy(read("bootstrap.yaml"))
    for statement in statements(changed):
        statement["Action"] = [a for a in actions_of(statement) if a != action]
    assert is_seen(changed)


@pytest.mark.parametrize("sid", SIDS)
def test_limit_that_is_taken_away_is_missed(sid):
    changed = copy.deepcopy(read("bootstrap.yaml"))
    (found,) = (s for s in statements(changed) if s["Sid"] == sid)
    found["Resource"] = "*"
    assert is_seen(changed)


def test_policies_as_they_are_pass():
    assert not is_seen(read("bootstrap.yaml"))
