"""Variants of an operator: a listed option value makes a separate cell."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from include.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

PATTERN = r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?"  # becomes part of DNS labels
ONLY = ""  # name of a single variant


def variants_of(
    given: Mapping[str, JsonValue], *, factors: Sequence[str]
) -> dict[str, dict[str, JsonValue]]:
    """The options of each variant by its name, in the study's order.

    Values of an option among `factors` are a list, whose variants are named v1, v2 and so on,
    or an object, which names them itself. Several such options are crossed, their names joined
    by a hyphen. With one value each there is one variant, `ONLY`. StudyError for a name that is
    not a DNS label, and for a list that is empty or has a duplicate.
    """
    levels = {name: _levels(name, given[name]) for name in factors if name in given}
    combined: dict[str, dict[str, JsonValue]] = {}
    for chosen in product(*(values.items() for values in levels.values())):
        variant = "-".join(word for word, _ in chosen if word)
        values = {name: value for name, (_, value) in zip(levels, chosen, strict=True)}
        combined[variant] = {**given, **values}
    return combined


def arm_name(k8s_operator: str, variant: str) -> str:
    """The name of an arm: an operator, or its variant as `flux_operator v1`."""
    return f"{k8s_operator} {variant}".rstrip()


def _levels(option: str, value: JsonValue) -> dict[str, JsonValue]:
    """The values of one option by name."""
    if isinstance(value, list):
        named = {f"v{place}": each for place, each in enumerate(value, start=1)}
    elif isinstance(value, dict):
        named = value
    else:
        return {ONLY: value}
    if not named:
        raise StudyError(f"{option}: give at least one value")
    if wrong := [name for name in named if not re.fullmatch(PATTERN, name)]:
        msg = f"{option}: {wrong[0]!r} cannot name a variant: use up to 20 of a-z, 0-9 and hyphens"
        raise StudyError(msg)
    values = list(named.values())
    if any(each in values[:place] for place, each in enumerate(values)):
        raise StudyError(f"{option}: {values} names one twice; every cell is measured once")
    return {ONLY: values[0]} if len(values) == 1 else named
