"""Job events printed by `flux submit --watch -vvv`, in both of Flux's formats.

Until July 2023: `ƒLGqfV1: 78.910s finish`, `ƒLGqfV1: complete: status=0` (an exit code).
Since then: `ƒLGqfV1: 78.910s: finish {"status":0}`, `ƒLGqfV1: 78.910s: complete: status=0` (a wait
status; `failed:` where it is not 0). An event's context is one JSON object.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from include.errors import ParseError
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_ID = "[1-9A-HJ-NP-Za-km-z]+"  # base58
_JOB = rf"[ƒf](?P<job>{_ID})"  # "f" where the locale is not UTF-8
_AT = _JOB + r": (?P<elapsed>[0-9]+\.[0-9]{3})s:? "
# Flux RFC 21 and the exec system's log. Without a context only these: when an event without a line
# end cuts a figure's line, the rest of the figure follows the event's name.
_NAMES = (
    *("submit", "validate", "invalidate", "depend", "dependency-add", "dependency-remove"),
    *("priority", "urgency", "memo", "set-flags", "jobspec-update", "resource-update"),
    *("alloc", "annotations", "prolog-start", "prolog-finish", "start", "exception", "finish"),
    *("epilog-start", "epilog-finish", "release", "free", "clean", "flux-restart"),
    *("exec.init", "exec.starting", "exec.re-starting", "exec.running", "exec.reattached"),
    *("exec.recoverable", "exec.shell.init", "exec.shell.start", "exec.shell.task-exit"),
    *("exec.log", "exec.lost-shell", "exec.complete", "exec.done", "exec.exception"),
    *("debug.alloc-request", "debug.start-request", "debug.free-request"),
    *("debug.prolog-request", "debug.post-finish", "debug.exception-start-lost"),
)
_EVENT = re.compile(_AT + f"(?P<name>{'|'.join(map(re.escape, _NAMES))})[ \t]*")
# Plugins may post events under their own names; a complete context shows where one ends.
_WITH_CONTEXT = re.compile(_AT + r"(?P<name>[a-z][a-z0-9._-]*) (?P<context>\{.*\})[ \t]*")
# In words: `exception: type=exec note=…` until July 2023.
_IN_WORDS = re.compile(
    _JOB + r": (?:(?P<elapsed>[0-9]+\.[0-9]{3})s:? )?"
    r"exception:? type=(?P<type>\S+)(?: severity=(?P<severity>[0-7]))?(?: note=| |$)(?P<note>.*)"
)
_END = re.compile(
    _JOB + r": (?P<elapsed>[0-9]+\.[0-9]{3}s: )?"
    r"(?:complete|failed): status=(?P<status>[0-9]{1,9})[ \t]*"
)
_WHOLE = (_EVENT, _WITH_CONTEXT, _END, _IN_WORDS)
_ANYWHERE = re.compile(
    rf"ƒ{_ID}: |(?<![0-9A-Za-z])f{_ID}: "
    r"(?:[0-9]+\.[0-9]{3}s:? |complete: |failed: status=|exception: type=)"
)
# Flux's own log messages, job ids included: the broker and its modules, the shell, `flux submit`.
_LOGGED = re.compile(
    r"(?:<[0-7]>)?[a-z][a-z0-9-]*\.(?:emerg|alert|crit|err|warning|notice|info|debug)\[[0-9]+\]: "
    r"|flux-shell\[[^\]]*\]: |job\.exception: type="
)
_EVENT_BEGINS = re.compile(rf"[ƒf]{_ID}: (?:[0-9]+\.[0-9]{{3}}s:? [a-z]|(?:complete|failed): st)")
# One of these is in every line that `parse` uses; terminal codes may be inside the others.
SIGNS = (b"\x1b", b": ")
_SELDOM = frozenset({"exec.log"})  # at least one per rank; not kept
FATAL = 0
_BY_SIGNAL = 128


@dataclass(frozen=True, kw_only=True)
class FluxException:
    """An exception of a job, as reported by Flux; severity 0 ends the job."""

    type: str
    severity: int | None  # None: Flux did not print it
    note: str

    def __str__(self) -> str:
        return f"type={self.type} {self.note}".rstrip()


@dataclass(frozen=True, kw_only=True)
class FluxEvents:
    """The outcome of one Flux job; seconds since its submission."""

    job_id: str  # base58, without the leading ƒ
    seconds: dict[str, float]  # first time of each event except `exec.log`
    status: int | None  # printed status; None without an end or a status of `finish`
    exit_code: int | None  # as from a shell: 128 plus the signal when killed
    exceptions: tuple[FluxException, ...] = ()

    @property
    def run_time_s(self) -> float | None:
        """Seconds from `start` to `finish`; None when one of them is missing."""
        if "start" not in self.seconds or "finish" not in self.seconds:
            return None
        return round(self.seconds["finish"] - self.seconds["start"], 3)

    @property
    def fatal(self) -> FluxException | None:
        """The first exception that ended the job."""
        return next((each for each in self.exceptions if each.severity in (FATAL, None)), None)


def is_event(line: str) -> bool:
    """True if a cleaned line is a complete job event and nothing else."""
    return _match(line) is not None


def holds_event(line: str) -> bool:
    """True if a job event begins anywhere in the line.

    Flux's own log names jobs too: `job-exception: id=ƒLGqfV1: node failure` is not an event.
    """
    if ": " not in line:
        return False
    begins = _EVENT_BEGINS if is_logged(line) else _ANYWHERE
    return begins.search(line) is not None


def is_logged(line: str) -> bool:
    """True if Flux itself logs such a line."""
    return _LOGGED.match(line) is not None


def parse(lines: Iterable[str]) -> FluxEvents:
    """The events of the only job in a log; ParseError for none, several jobs or a mixed line."""
    reader = _Reader()
    for line in map(clean, lines):
        if holds_event(line):
            reader.feed(line)
    return reader.events()


def span(
    stamped: Iterable[tuple[datetime, str]], *, time_scale: float = 1.0
) -> tuple[datetime, datetime] | None:
    """Start and finish of the job, from the log with its lines' timestamps.

    An event gives its time since submission to 1 ms. A line is stamped when it is printed,
    never before its event, so the least delay of any line dates the submission, a few
    hundredths of a second late. None when one of the two events is missing. `time_scale` is the
    share of the reported seconds that passes between timestamps.
    """
    seconds: dict[str, float] = {}
    submissions = []
    for at, line in stamped:
        matched = _match(text) if holds_event(text := clean(line)) else None
        parts = matched[0].groupdict() if matched else {}
        if "name" in parts:
            elapsed_s = float(parts["elapsed"]) * time_scale
            seconds.setdefault(parts["name"], elapsed_s)
            submissions.append(at - timedelta(seconds=elapsed_s))
    if "start" not in seconds or "finish" not in seconds:
        return None
    submitted = min(submissions)
    started, finished = (timedelta(seconds=seconds[name]) for name in ("start", "finish"))
    return submitted + started, submitted + finished


def _match(line: str) -> tuple[re.Match[str], dict[str, Any]] | None:
    """The parts of an event's line and its context; None unless it is complete."""
    if ": " not in line:
        return None
    match = next((match for kind in _WHOLE if (match := kind.fullmatch(line))), None)
    if match is None or "context" not in match.groupdict():
        return match and (match, {})
    try:
        context = json.loads(match["context"], parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return match, context


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


@dataclass(kw_only=True)
class _Reader:
    job: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    finish_status: int | None = None
    end_status: int | None = None
    exit_code: int | None = None
    exceptions: list[FluxException] = field(default_factory=list)

    def feed(self, line: str) -> None:
        matched = _match(line)
        if matched is None:
            raise ParseError(f"a Flux event is mixed with other text: {shown(line)}")
        match, context = matched
        parts = match.groupdict()
        if self.job not in (None, parts["job"]):
            raise ParseError(f"events of two Flux jobs, {self.job} and {parts['job']}")
        self.job = parts["job"]
        if "status" in parts:
            self._end(int(parts["status"]), line, is_wait_status=parts["elapsed"] is not None)
        elif "type" in parts:
            self._except(parts)
            self._time("exception", parts["elapsed"])
        else:
            self._time(parts["name"], parts["elapsed"])
            self._context(parts["name"], context, line)

    def events(self) -> FluxEvents:
        """All events; ParseError for none."""
        if self.job is None:
            raise ParseError("no Flux job event, such as 'ƒLGqfV1: 78.910s: finish', in the log")
        status = self.finish_status if self.end_status is None else self.end_status
        if self.finish_status not in (None, status):
            raise ParseError(
                f"the Flux job finishes with status {self.finish_status} and ends with {status}"
            )
        return FluxEvents(
            job_id=self.job,
            seconds=self.seconds,
            status=status,
            exit_code=self.exit_code,
            exceptions=tuple(self.exceptions),
        )

    def _time(self, name: str, elapsed: str | None) -> None:
        if elapsed is not None and name not in _SELDOM:
            self.seconds.setdefault(name, float(elapsed))

    def _context(self, name: str, context: dict[str, Any], line: str) -> None:
        if not context:
            return
        try:
            if name == "exception":
                self._except({"note": "", **context})
            elif name == "finish":
                self.finish_status = _status(context["status"])
                self.exit_code = _exit_code(self.finish_status)
        except (KeyError, TypeError, ValueError) as err:
            raise ParseError(f"a Flux event without its {err}: {shown(line)}") from err

    def _except(self, parts: dict[str, Any]) -> None:
        severity = parts["severity"]
        exception = FluxException(
            type=str(parts["type"]),
            severity=None if severity is None else _status(int(severity)),
            note=str(parts["note"]),
        )
        self.exceptions.append(exception)

    def _end(self, status: int, line: str, *, is_wait_status: bool) -> None:
        if self.end_status is not None:
            raise ParseError(f"the Flux job completes twice, the second time as {shown(line)}")
        self.end_status = status
        self.exit_code = _exit_code(status) if is_wait_status else status


def _status(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"whole number, {value!r} instead")
    return value


def _exit_code(wait_status: int) -> int:
    """The code of a wait status: the exit code, or 128 plus the signal."""
    signal = wait_status % _BY_SIGNAL
    return _BY_SIGNAL + signal if signal else wait_status >> 8
