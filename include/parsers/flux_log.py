"""Reasons of a failure in a broker's log: job events, shell, broker, pod."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from include.errors import ParseError
from include.parsers import flux_events
from include.parsers.lines import clean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

# Ordered by closeness to the cause; of each kind the first line counts.
_REASONS = tuple(
    map(
        re.compile,
        (
            r"job\.exception: type=.*severity=0.*",
            r"/usr/bin/time is required .*",
            r"flux-submit: (?:ERROR|FATAL): .*",
            r"flux-shell\[[^\]]*\]: (?:FATAL|ERROR): .*",
            r".*: error while loading shared libraries: .*",
            r".*: version `[A-Z]+_[0-9.]+' not found .*",  # a libc older than the view's
            r"(?:flux-start|flux-broker|flux): .*",
            # Errors of the broker and its modules, without the command's exit, known anyway.
            r"(?:<[0-3]>)?[a-z][a-z0-9-]*\.(?:emerg|alert|crit|err)\[[0-9]+\]: (?!rc[0-9]\.).*",
            # What the scripts that start Flux print: without them no job was ever submitted.
            r"(?:<[0-3]>)?broker\.err\[[0-9]+\]: rc1\.[0-9]+: (?!.* Exited \(rc=).*",
            r".*: (?:command not found|No such file or directory)",
        ),
    )
)


_COMMANDS = re.compile(r"commands:\s+(\S+)")
_SCHEDULER = re.compile(
    r"(?:<\d>)?(sched-[a-z-]+)\.info\[0\]: (?:ready: .*|version (?P<version>\S+).*)"
)
_RESOURCES = re.compile(r"\{\"version\": ?1, ?\"execution\": ?\{.*\}")


def version(lines: Iterable[str]) -> str | None:
    """Versions of flux-core and its scheduler; None when the log lacks the former."""
    core, schedulers = None, dict[str, str | None]()
    for line in map(clean, lines):
        if match := _COMMANDS.fullmatch(line):
            core = core or match[1]
        elif match := _SCHEDULER.fullmatch(line):
            schedulers[match[1]] = match["version"] or schedulers.get(match[1])
    if core is None:
        return None
    parts = [f"{name} {number}" if number else name for name, number in schedulers.items()]
    return ", ".join([f"flux-core {core}", *parts])


def resources(lines: Iterable[str]) -> list[Any]:
    """Each broker's resources as seen by Flux (`R_lite`, RFC 20): ranks and cores."""
    for line in map(clean, lines):
        if _RESOURCES.fullmatch(line):
            with suppress(ValueError, KeyError, TypeError):
                return list(json.loads(line)["execution"]["R_lite"])
    return []


def complaint(lines: Iterable[str]) -> str | None:
    """The exception that ended the job, or else the first line that shows a failure; or None."""
    log = [clean(line) for line in lines]
    if exception := _exception(log):
        return f"Flux says {shown(exception)}"
    for reason in _REASONS:
        if line := next((line for line in log if reason.fullmatch(line)), None):
            return f"the broker's log says {shown(line)}"
    return None


def _exception(log: list[str]) -> str | None:
    """The exception in the job's events; None for a log with unreadable events."""
    try:
        fatal = flux_events.parse(log).fatal
    except ParseError:
        return None
    return str(fatal) if fatal else None
