"""Controllers that a study's jobs need, in the versions that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include import k8s_operators
from include.k8s_operators import _kueue
from include.models import Queue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from include.kube.kinds import Controller
    from include.models import Study


def versions(study: Study, name: str) -> dict[str, Controller]:
    """The version of an operator's controller by variant; empty where it has no controller."""
    operator, given = k8s_operators.load(name), study.options_of(name)
    named = {
        variant: operator.controller_with(options)
        for variant, options in operator.variants(given).items()
    }
    return {variant: each for variant, each in named.items() if each is not None}


def has_versions(study: Study, name: str) -> bool:
    """True if arms of this operator differ in the version of its controller."""
    return len(set(versions(study, name).values())) > 1


def of_study(study: Study, names: Collection[str]) -> tuple[Controller, ...]:
    """Controllers of a study's operators in all their versions, after those that they need.

    A queue's comes last: it looks at its start which kinds of jobs there are.
    """
    wanted = [each for name in names for each in versions(study, name).values()]
    if has_queue(study, names):
        wanted.append(_kueue.CONTROLLER)
    return tuple(dict.fromkeys(c for each in wanted for c in each.in_order))


def has_queue(study: Study, names: Iterable[str]) -> bool:
    """True if a queue admits jobs of any of these operators."""
    return any(
        operator.arm_options(options).queue is not Queue.NONE
        for operator in map(k8s_operators.load, names)
        for options in operator.variants(study.options_of(operator.name)).values()
    )
