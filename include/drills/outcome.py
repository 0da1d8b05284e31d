"""The outcome of one case of the fault matrix, and the promise it is checked against."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Collection

    from include.models import Record
    from include.results import Results

NAMED_S, RECOVERED_S = 10.0, 60.0  # the promises
HEAD = (
    "| cluster | case | begun | kept | valid | left behind | colour | cause named | s to its name "
    "| s until at work again, or stopped | as promised | commit, load |"
)
LONGEST_CELL = 110
MANIFEST = "manifest.yaml"  # stored as the last thing before a job is made


class Colour(StrEnum):
    """The run's colour in Airflow."""

    GREEN = "green"
    RED = "red"
    NONE = "none"  # the run itself was killed


@dataclass(frozen=True, kw_only=True)
class Promise:
    """The expected outcome of a case. Nothing may remain, except what the harm itself keeps."""

    valid: int = 2  # points with a valid record
    kept: int = 2  # points with a record, stored or handed over
    colour: Colour = Colour.GREEN
    names: tuple[str, ...] = ()  # words of the cause, all of which the run must report
    named_s: float | None = NAMED_S  # None: the time of the report does not matter
    recovered_s: float | None = RECOVERED_S
    leaves: tuple[str, ...] = ()  # what cannot be removed and has to be reported


@dataclass(kw_only=True)
class Outcome:
    """The course of one case."""

    cluster: str
    case: str
    points: int = 0
    begun: int = 0  # of the points, those whose job was made
    valid: int = 0
    kept: int = 0
    colour: Colour = Colour.RED
    messages: list[str] = field(default_factory=list)  # errors since the harm, and the verdict
    before: list[str] = field(default_factory=list)  # errors before the harm
    hurt_at: float | None = None
    named_at: float | None = None
    recovered_at: float | None = None  # a point was running again, or the study had stopped
    left: tuple[str, ...] = ()
    broken: list[str] = field(default_factory=list)  # other things that went wrong

    @property
    def named_s(self) -> float | None:
        """Seconds from the harm to the first error about it."""
        return self._since(self.named_at)

    @property
    def recovered_s(self) -> float | None:
        """Seconds from the harm until a point was running again, or the study had stopped."""
        return self._since(self.recovered_at)

    def _since(self, instant: float | None) -> float | None:
        return None if instant is None or self.hurt_at is None else instant - self.hurt_at

    def count(self, records: Collection[Record], results: Results) -> None:
        """Count the points that were begun, those with a record, and those with a valid one."""
        self.begun = sum(name == MANIFEST for _, name in results.point_files())
        self.kept = len(records)
        self.valid = sum(record.status is Status.VALID for record in records)

    def breaches(self, promise: Promise) -> list[str]:
        """Each deviation from the promise."""
        text = "\n".join(self.messages)
        expected = {"valid": promise.valid, "kept": promise.kept, "colour": promise.colour}
        breaches = [
            f"{name} is {getattr(self, name)}, not {value}"
            for name, value in expected.items()
            if getattr(self, name) != value
        ]
        if self.hurt_at is None:
            breaches.append(f"the harm was not done{''.join(f'; {each}' for each in self.before)}")
        breaches += [
            f"left behind: {name}"
            for name in self.left
            if not any(each in name for each in promise.leaves)
        ]
        breaches += [
            f"{each} is not said to be left"
            for each in promise.leaves
            if not any(each in name for name in self.left)
        ]
        if self.colour is Colour.RED and promise.colour is Colour.GREEN:
            breaches += [
                f"told: {' '.join(each.split())[: 2 * LONGEST_CELL]}" for each in self.messages
            ]
        instead = f", but: {' '.join(text.split())[: 4 * LONGEST_CELL]}" if text else ""
        breaches += [
            f"nobody was told of {word!r}{instead}" for word in promise.names if word not in text
        ]
        if promise.names and promise.named_s is not None:
            breaches += _late("told", self.named_s, promise.named_s)
        if promise.recovered_s is not None:
            breaches += _late("at work again or stopped", self.recovered_s, promise.recovered_s)
        return [*breaches, *self.broken]

    def row(self, promise: Promise, *, measured: str) -> str:
        """The case as a row of the table; `measured` tells of the code and of the machine."""
        breaches = self.breaches(promise)
        cells = (
            self.cluster,
            self.case,
            f"{self.begun}/{self.points}",
            f"{self.kept}/{self.begun}",
            f"{self.valid}/{self.points}",
            ", ".join(self.left) or "nothing",
            self.colour.value,
            self._cause(promise),
            _seconds(self.named_s if promise.names else None),
            _seconds(self.recovered_s),
            f"no: {_cell(breaches[0])}" if breaches else "yes",
            measured,
        )
        return f"| {' | '.join(cells)} |"

    def _cause(self, promise: Promise) -> str:
        """The line that names the cause, shortened; a dash where none is expected."""
        if not promise.names:
            return "-"
        lines = [line for text in self.messages for line in text.splitlines()]
        line = next((line for line in lines if promise.names[0] in line), "no")
        line = line.partition(": the end of ")[0]  # of a log, with its path
        at = max(0, line.find(promise.names[0]) + len(promise.names[0]) - LONGEST_CELL)
        return f"{'…' * bool(at)}{_cell(line[at:])}"


def _cell(text: str) -> str:
    """A text short enough for a table's cell."""
    return f"{text[:LONGEST_CELL]}{'…' * (len(text) > LONGEST_CELL)}".replace("|", "/")


def _late(what: str, took_s: float | None, limit_s: float) -> list[str]:
    if took_s is None:
        return [f"not {what}"]
    return [f"{what} only after {took_s:.0f} s"] if took_s > limit_s else []


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
