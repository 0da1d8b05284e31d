"""Checks before money is spent, and their plain table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from include.base_model import Model
from include.errors import ClusterBusy, ClusterError
from include.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(StrEnum):
    """Results of a check."""

    PASSED = "ok"
    FAILED = "FAILED"
    BUSY = "busy"  # stops a study until another one has ended
    UNKNOWN = "not known"  # could not be checked, which alone stops no study


class Check(Model):
    """One finding."""

    name: str
    outcome: Outcome
    finding: str
    remedy: str = ""  # what to do about it

    @model_validator(mode="before")
    @classmethod
    def _takes_former_name(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "found" not in given:
            return given
        kept = {name: value for name, value in given.items() if name != "found"}
        return {"finding": given["found"], **kept}


class Findings(Model):
    """A cluster's findings: can it be made, and at what price."""

    checks: tuple[Check, ...]
    tariff: Tariff | None = None


def passed(name: str, finding: str) -> Check:
    """A check whose condition holds."""
    return Check(name=name, outcome=Outcome.PASSED, finding=finding)


def failed(name: str, finding: str, *, remedy: str = "") -> Check:
    """A check that stops the study, with a remedy unless the finding says it."""
    return Check(name=name, outcome=Outcome.FAILED, finding=finding, remedy=remedy)


def busy(name: str, finding: str) -> Check:
    """A check that stops the study for now."""
    return Check(name=name, outcome=Outcome.BUSY, finding=finding)


def stops(check: Check) -> bool:
    """True if the study cannot begin, at least for now."""
    return check.outcome in {Outcome.FAILED, Outcome.BUSY}


def unknown(name: str, finding: str, *, remedy: str = "") -> Check:
    """A check that could not be made."""
    return Check(name=name, outcome=Outcome.UNKNOWN, finding=finding, remedy=remedy)


def table(checks: Iterable[Check]) -> tuple[str, ...]:
    """A line per check, `name  outcome  found`, with the remedy below it."""
    rows = tuple(checks)
    width = max((len(row.name) for row in rows), default=0)
    lines = []
    for row in rows:
        lines.append(f"{row.name:<{width}}  {row.outcome.value:<9}  {row.finding}")
        if row.remedy:
            lines.append(f"{'':<{width}}  {'':<9}  → {row.remedy}")
    return tuple(lines)


def require(checks: Iterable[Check]) -> None:
    """Raise ClusterError naming each failed check and its remedy, if there is any.

    ClusterBusy when the only obstacle is a study that will end.
    """
    wrong = [row for row in checks if stops(row)]
    if wrong:
        can_wait = all(row.outcome is Outcome.BUSY for row in wrong)
        error = ClusterBusy if can_wait else ClusterError
        raise error("\n".join(_sentence(row) for row in wrong))


def _sentence(row: Check) -> str:
    return f"{row.name}: {row.finding}" + (f"; {row.remedy}" if row.remedy else "")
