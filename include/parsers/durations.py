"""Durations as printed by clocks, in seconds; one strict pattern per writer."""

from __future__ import annotations

import re

from include.errors import ParseError

_H_MM_SS = re.compile(r"([0-9]+):([0-5][0-9]):([0-5][0-9])")
_M_SS_CC = re.compile(r"([0-5]?[0-9]):([0-5][0-9]\.[0-9]{2})")
_POSIX_S = re.compile(r"[0-9]+\.[0-9]{2}")
_SHELL = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?([0-9]+\.[0-9]{2,3})s")
_SIXTY = 60


def h_mm_ss(text: str) -> float:
    """Seconds of `h:mm:ss`, as LAMMPS prints its total wall time; hours may exceed 23."""
    match = _H_MM_SS.fullmatch(text)
    if match is None:
        raise ParseError(f"{text!r} is not a duration h:mm:ss")
    hours, minutes, seconds = (int(part) for part in match.groups())
    return float((hours * _SIXTY + minutes) * _SIXTY + seconds)


def gnu_elapsed(text: str) -> float:
    """Seconds of GNU time's `%E`: `m:ss.cc`, and `h:mm:ss` from one hour on."""
    match = _M_SS_CC.fullmatch(text)
    if match is not None:
        return round(int(match[1]) * _SIXTY + float(match[2]), 2)
    seconds = h_mm_ss(text)
    if seconds < _SIXTY * _SIXTY:
        raise ParseError(f"{text!r}: below one hour GNU time prints m:ss.cc")
    return seconds


def shell_time(text: str) -> float:
    """Seconds of a shell's `time`: `53.04` (POSIX), `1m22.58s`, `1h02m03.45s`.

    POSIX output has exactly two decimals in bash, GNU time and busybox; with fewer, the line
    was cut and would give a wrong number.
    """
    if _POSIX_S.fullmatch(text):
        return float(text)
    match = _SHELL.fullmatch(text)
    if match is None:
        raise ParseError(f"{text!r} is neither seconds with two decimals nor [h]m…s")
    hours, minutes, seconds = match[1], match[2], float(match[3])
    carry = seconds >= _SIXTY and (minutes or hours)
    if carry or (hours is not None and int(minutes or 0) >= _SIXTY):
        raise ParseError(f"{text!r} has a part of sixty or more")
    return round((int(hours or 0) * _SIXTY + int(minutes or 0)) * _SIXTY + seconds, 3)
