"""Puts together a container's log from what several readings of it gave."""

from __future__ import annotations

import re

# A line of the container, as the kubelet gives it; any other line is the kubelet's own.
_STAMP = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(?:Z|[+-][0-9:]{5})"
)

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")  # an application may go back to a line's begin within it


def of_container(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The container's own lines, and those without a stamp, which the kubelet put there."""
    own: list[bytes] = []
    foreign: list[bytes] = []
    for line in _LINE.findall(text):
        (own if _STAMP.match(line) else foreign).append(line)
    return b"".join(own), tuple(line.decode(errors="replace").strip() for line in foreign)


def joined(before: bytes, after: bytes) -> bytes:
    """The union of two readings of one log; nothing that was read once is lost.

    The later one may begin later, where the kubelet has moved the log's first part away, or may
    be shorter, where the pod's last lines were not to be had any more.
    """
    if after.startswith(before):
        return after
    if before.startswith(after):
        return before
    kept, last = _whole_lines(before)
    if last and (place := after.find(last)) >= 0 and (place == 0 or after[place - 1] == ord("\n")):
        return kept + after[place + len(last) :]
    return _by_time(kept, after) if kept else after


def _whole_lines(text: bytes) -> tuple[bytes, bytes]:
    """The text up to its last line end, and the last line of it."""
    kept = text[: text.rfind(b"\n") + 1]
    return kept, kept[kept.rfind(b"\n", 0, -1) + 1 :]


def _by_time(kept: bytes, after: bytes) -> bytes:
    """Both, when the later one begins where the earlier one has ended; else the longer one."""
    _, last = _whole_lines(kept)
    if _stamp(after) > _stamp(last):
        return kept + after
    return max(kept, after, key=len)


def _stamp(line: bytes) -> tuple[bytes, bytes]:
    """Second and fraction, of which the kubelet leaves out zeros at the end."""
    match = _STAMP.match(line)
    return (match[1], (match[2] or b"").ljust(9, b"0")) if match else (b"", b"")
