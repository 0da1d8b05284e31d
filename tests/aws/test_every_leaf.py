"""Every part of the AWS templates is held by a check of its own, bar names and texts for people.

Each part in turn is left out, and each value changed; what no check of `tests/aws/meaning.py` sees
is listed here, and is the list of what may change without a fault.
"""

from __future__ import annotations

import copy

import pytest

from include.aws import launch, templates
from tests.aws import meaning
from tests.aws.meaning import Stack
from tests.aws.test_template import plugin

SEEN = (AssertionError, KeyError, IndexError, TypeError, ValueError, AttributeError)
NAME_FOR_PEOPLE = ("TagSpecifications", 0, "Tags", 0), ("TagSpecifications", 1, "Tags", 0)
# Rights that both policies give, as each is of use without the other.
GIVEN_TWICE = ("eks:UpdateNodegroupConfig", "scheduler:GetSchedule")


def parts(node, path=()):
    """Each part of a tree with its path, a branch before what is on it."""
    if isinstance(node, dict | list):
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in children:
            yield (*path, key), child
            yield from parts(child, (*path, key))


def faults(tree):
    """The tree less each part, and with each value changed: what was done, where, and the tree."""
    for path, value in parts(tree):
        without, place = _copied(tree, path[:-1])
        del place[path[-1]]
        yield "left out", path, value, without
        if (other := _other(value)) is not None:
            changed, place = _copied(tree, path[:-1])
            place[path[-1]] = other
            yield "changed", path, value, changed


def _copied(tree, path):
    """The tree with copies of its branches on a path alone, and the last of these copies."""
    place = copied = copy.copy(tree)
    for step in path:
        place[step] = copy.copy(place[step])
        place = place[step]
    return copied, place


def _other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"x{value}" if isinstance(value, str) else None


def is_seen(checks, make):
    """Whether the fault keeps a stack from being made, or a check from passing."""
    try:
        made = make()  # once: checks leave it as it is, see below
        for check in checks:
            check(made)
    except SEEN:
        return True
    return False


def unseen(tree, checks, make, *, is_harmless):
    return [
        (done, *path)
        for done, path, value, fault in faults(tree)
        if not is_harmless(done, path, value) and not is_seen(checks, lambda f=fault: make(f))
    ]


def is_a_name_or_a_slack(done, path, value):
    """A name for people, a size that is larger than needed by one, or one try more."""
    if path[:3] in {("Vpc", "Properties", "Tags"), ("EfaGroup", "Properties", "GroupDescription")}:
        return True
    data = path[3:7] if "LaunchTemplateData" in path else ()
    if data in NAME_FOR_PEOPLE:
        return True
    grown = {"VolumeSize", "Throughput", "MaximumRetryAttempts"}
    return done == "changed" and path[-1] in grown


def test_every_part_of_the_stack_is_held(aws):
    parameters, machine = meaning.default_facts(aws)
    template = launch.stack_template(machine, parameters)

    def make(resources):
        return Stack({**template, "Resources": resources}, parameters)

    found = unseen(
        template["Resources"], meaning.STACK_CHECKS, make, is_harmless=is_a_name_or_a_slack
    )
    assert found == []


def is_a_name_or_given_twice(done, path, value):
    if path[-1] in {"Sid", "PolicyName"} or value in GIVEN_TWICE:
        return True
    return done == "changed" and path[-1] == "Threshold"  # a percent of the budget


def test_every_part_of_the_account_is_held():
    template = templates.read("bootstrap.yaml")

    def make(resources):
        return Stack({**template, "Resources": resources}, {"Email": "someone@example.org"})

    found = unseen(
        template["Resources"], meaning.ACCOUNT_CHECKS, make, is_harmless=is_a_name_or_given_twice
    )
    assert found == []


def test_every_part_of_the_guard_of_a_node_group_is_held():
    guard = meaning.guard_of_a_group()

    def make(resources):
        return Stack({**guard.template, "Resources": resources}, guard.values)

    found = unseen(
        guard.template["Resources"],
        meaning.GUARD_CHECKS,
        make,
        is_harmless=lambda done, path, _: (done, path[-1]) == ("changed", "MaximumRetryAttempts"),
    )
    assert found == []


def test_every_part_of_the_device_plugin_is_held():
    is_name = ("spec", "template", "spec", "containers", 0, "name")
    found = unseen(
        plugin(),
        meaning.PLUGIN_CHECKS,
        lambda made: made,
        is_harmless=lambda done, path, _: (done, path) == ("changed", is_name),
    )
    assert found == []


def test_every_part_of_the_readers_of_the_counters_is_held():
    (made,) = meaning.counters()
    found = unseen(
        made,
        meaning.COUNTER_CHECKS,
        lambda each: each,
        is_harmless=lambda done, path, _: (done, path[-1]) == ("changed", "name"),
    )
    assert found == []


def test_checks_leave_what_they_look_at_as_it_was(aws):
    parameters, machine = meaning.default_facts(aws)
    template = launch.stack_template(machine, parameters)
    account = Stack(templates.read("bootstrap.yaml"), {"Email": "someone@example.org"})
    (counters,) = meaning.counters()
    for checks, made in (
        (meaning.STACK_CHECKS, Stack(template, parameters)),
        (meaning.ACCOUNT_CHECKS, account),
        (meaning.GUARD_CHECKS, meaning.guard_of_a_group()),
        (meaning.PLUGIN_CHECKS, plugin()),
        (meaning.COUNTER_CHECKS, counters),
    ):
        looked_at = getattr(made, "__dict__", made)
        before = copy.deepcopy(looked_at)
        for check in checks:
            check(made)
        assert looked_at == before


@pytest.mark.parametrize("value", [True, 1, "text"])
def test_a_fault_changes_a_value(value):
    assert _other(value) != value
