"""Checks before money is spent, and their plain table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from include.base_model import Model
from include.errors import ClusterBusy, ClusterError
from include.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(StrEnum):
    """Results of a check."""

    PASSED = "ok"
    FAILED = "FAILED"
    BUSY = "busy"  # stops a study until somebody else's has ended
    UNKNOWN = "not known"  # could not be looked at; that alone stops no study


class Check(Model):
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    found: str
    remedy: str = ""  # what to do about it


class Findings(Model):
    """A cluster's findings on whether it can be made, and at which price."""

    checks: tuple[Check, ...]
    tariff: Tariff | None = None


def passed(name: str, finding: str) -> Check:
    """A check whose condition holds."""
    return Check(name=name, outcome=Outcome.PASSED, found=finding)


def failed(name: str, finding: str, *, remedy: str = "") -> Check:
    """A check that stops the study, and what to do about it if the finding does not say so."""
    return Check(name=name, outcome=Outcome.FAILED, found=finding, remedy=remedy)


def busy(name: str, finding: str) -> Check:
    """A check that stops the study for now."""
    return Check(name=name, outcome=Outcome.BUSY, found=finding)


def stops(check: Check) -> bool:
    """True if the study cannot begin, at least for now."""
    return check.outcome in {Outcome.FAILED, Outcome.BUSY}


def unknown(name: str, finding: str, *, remedy: str = "") -> Check:
    """A check that could not be made."""
    return Check(name=name, outcome=Outcome.UNKNOWN, found=finding, remedy=remedy)


def table(checks: Iterable[Check]) -> tuple[str, ...]:
    """A line per check, `name  outcome  found`, with the remedy below it."""
    rows = tuple(checks)
    width = max((len(row.name) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"{row.name:<{width}}  {row.outcome.value:<9}  {row.found}")
        if row.remedy:
            lines.append(f"{'':<{width}}  {'':<9}  → {row.remedy}")
    return tuple(lines)


def require(checks: Iterable[Check]) -> None:
    """Raise ClusterError naming each check that failed and what to do, unless none did.

    ClusterBusy when all that is in the way is a study that will end.
    """
    wrong = [row for row in checks if stops(row)]
    if wrong:
        can_wait = all(row.outcome is Outcome.BUSY for row in wrong)
        error = ClusterBusy if can_wait else ClusterError
        raise error("\n".join(_sentence(row) for row in wrong))


def _sentence(row: Check) -> str:
    return f"{row.name}: {row.found}" + (f"; {row.remedy}" if row.remedy else "")
