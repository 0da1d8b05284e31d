"""Job events that `flux submit --watch -vvv` prints: `ƒLGqfV1: 78.910s finish`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_JOB = r"[ƒf](?P<job>[1-9A-HJ-NP-Za-km-z]+)"  # base58; "f" where the locale is not UTF-8
# Flux RFC 21 and the exec system's log. Only whole names: when a figure's line is cut by an event
# that ends without a line end, the rest of the figure sticks to the event's name.
_NAMES = (
    *("submit", "validate", "invalidate", "depend", "dependency-add", "dependency-remove"),
    *("priority", "urgency", "memo", "set-flags", "jobspec-update", "resource-update"),
    *("alloc", "annotations", "prolog-start", "prolog-finish", "start", "exception", "finish"),
    *("epilog-start", "epilog-finish", "release", "free", "clean", "flux-restart"),
    *("exec.init", "exec.starting", "exec.re-starting", "exec.running", "exec.shell.init"),
    *("exec.shell.start", "exec.shell.task-exit", "exec.log", "exec.lost-shell"),
    *("exec.complete", "exec.done", "exec.exception", "debug.alloc-request"),
    *("debug.start-request", "debug.free-request", "debug.prolog-request"),
    *("debug.post-finish", "debug.exception-start-lost"),
)
_NAME = f"(?P<name>{'|'.join(map(re.escape, _NAMES))})"
_EVENT = re.compile(_JOB + r": (?P<elapsed>[0-9]+\.[0-9]{3})s:? " + _NAME + r"[ \t]*")
# Of the events only this one has a text after it; allowing more would let an event swallow a line.
_NOTED = re.compile(_JOB + r": (?P<elapsed>[0-9]+\.[0-9]{3})s:? (?P<name>exception) type=\S.*")
_COMPLETE = re.compile(_JOB + r": complete: status=(?P<status>[0-9]+)[ \t]*")
_ANYWHERE = re.compile(
    r"ƒ[1-9A-HJ-NP-Za-km-z]+: |(?<![0-9A-Za-z])f[1-9A-HJ-NP-Za-km-z]+: "
    r"(?:[0-9]+\.[0-9]{3}s:? |complete: )"
)
# One of these is in every line that `parse` looks at; terminal codes may stand within the others.
SIGNS = (b"\x1b", b": ")
_SELDOM = frozenset({"exec.log"})  # one per rank and more: nothing of them is kept


@dataclass(frozen=True, kw_only=True)
class FluxEvents:
    """What became of one Flux job; seconds count from its submission."""

    job_id: str  # base58, without the leading ƒ
    seconds: dict[str, float]  # first time of each event, `exec.log` left out
    status: int | None  # wait status; None when the log has no `complete` line

    @property
    def run_time_s(self) -> float | None:
        """Seconds from `start` to `finish`; None when one of them is missing."""
        if "start" not in self.seconds or "finish" not in self.seconds:
            return None
        return round(self.seconds["finish"] - self.seconds["start"], 3)


def is_event(line: str) -> bool:
    """Whether a cleaned line is a whole job event and nothing else."""
    return ": " in line and any(p.fullmatch(line) for p in (_EVENT, _COMPLETE, _NOTED))


def holds_event(line: str) -> bool:
    """Whether a job event begins somewhere in the line, be it in its middle."""
    return ": " in line and _ANYWHERE.search(line) is not None


def parse(lines: Iterable[str]) -> FluxEvents:
    """The events of the one job in a log; ParseError for none, several jobs or a mixed line."""
    reader = _Reader()
    for line in map(clean, lines):
        if holds_event(line):
            reader.feed(line)
    if reader.job is None:
        raise ParseError("no Flux job event, such as 'ƒLGqfV1: 78.910s finish', in the log")
    return FluxEvents(job_id=reader.job, seconds=reader.seconds, status=reader.status)


class _Reader:
    def __init__(self) -> None:
        self.job: str | None = None
        self.seconds: dict[str, float] = {}
        self.status: int | None = None

    def feed(self, line: str) -> None:
        match = _EVENT.fullmatch(line) or _COMPLETE.fullmatch(line) or _NOTED.fullmatch(line)
        if match is None:
            raise ParseError(f"a Flux event is mixed with other text: {shown(line)}")
        if self.job not in (None, match["job"]):
            raise ParseError(f"events of two Flux jobs, {self.job} and {match['job']}")
        self.job = match["job"]
        if "status" in match.groupdict():
            self._complete(int(match["status"]), line)
        elif match["name"] not in _SELDOM:
            self.seconds.setdefault(match["name"], float(match["elapsed"]))

    def _complete(self, status: int, line: str) -> None:
        if self.status is not None:
            raise ParseError(f"the Flux job completes twice, the second time as {shown(line)}")
        self.status = status
