"""Combines a container's log from several readings."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A line of the container, in the kubelet's format; any other line is the kubelet's own.
_STAMP = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9:]{5})"
)

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")  # an application may return to a line's start within it


def of_container(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The container's own lines, and those without a timestamp, which the kubelet added."""
    own: list[bytes] = []
    foreign: list[bytes] = []
    for line in _LINE.findall(text):
        (own if _STAMP.match(line) else foreign).append(line)
    return b"".join(own), tuple(line.decode(errors="replace").strip() for line in foreign)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A place in a log where lines may be missing."""

    last: str  # timestamp of the line before it
    first: str  # timestamp of the line after it

    def __str__(self) -> str:
        """Sentence for people."""
        return (
            f"the launcher's log may lack lines between {self.last} and {self.first}, which its "
            f"node had moved away before they were read"
        )


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The union of two readings of one log."""

    text: bytes
    gap: Gap | None = None


def joined(before: bytes, after: bytes) -> Joined:
    """The union of two readings of one log; nothing that was read once is lost.

    The later one may start later, if the kubelet has moved the log's first part away, or be
    shorter, if the pod's last lines were no longer available.
    """
    if after.startswith(before):
        return Joined(text=after)
    if before.startswith(after):
        return Joined(text=before)
    kept, last = _whole_lines(before)
    if last and (place := after.find(last)) >= 0 and (place == 0 or after[place - 1] == ord("\n")):
        return Joined(text=kept + after[place + len(last) :])
    return _by_time(kept, after) if kept else Joined(text=after)


def marked(text: bytes, gaps: Iterable[Gap]) -> bytes:
    """The log with a line at each gap, for its readers."""
    lines = text.splitlines(keepends=True)
    for gap in gaps:
        for place, line in enumerate(lines):
            if line.startswith(gap.first.encode()):
                lines.insert(place, f"[{gap}]\n".encode())
                break
    return b"".join(lines)


def _whole_lines(text: bytes) -> tuple[bytes, bytes]:
    """The text up to its last line end, and its last line."""
    kept = text[: text.rfind(b"\n") + 1]
    return kept, kept[kept.rfind(b"\n", 0, -1) + 1 :]


def _by_time(kept: bytes, after: bytes) -> Joined:
    """Both, if the later one starts where the earlier one ends; otherwise the longer one."""
    _, last = _whole_lines(kept)
    if _stamp(after) > _stamp(last):
        gap = Gap(last=_written(last), first=_written(after))
        return Joined(text=kept + after, gap=gap)
    return Joined(text=max(kept, after, key=len))


def _written(line: bytes) -> str:
    """The timestamp as it is in the log."""
    match = _STAMP.match(line)
    return match[0].decode() if match else ""


def _stamp(line: bytes) -> tuple[datetime, bytes]:
    """Second in UTC, as a node's offset may change, and fraction, which lacks zeros at its end."""
    match = _STAMP.match(line)
    with suppress(ValueError):
        if match:
            at = datetime.fromisoformat((match[1] + match[3].replace(b"Z", b"+00:00")).decode())
            return at, (match[2] or b"").ljust(9, b"0")
    return datetime.min.replace(tzinfo=UTC), b""
