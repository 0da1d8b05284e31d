"""Log lines from the kubelet with `timestamps=true`: RFC 3339 timestamp, space, text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from include.errors import ParseError
from include.parsers.lines import shown

_STAMPED = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})(?: (.*))?",
    re.DOTALL,
)
_MICROSECOND_DIGITS = 6


def split_stamp(line: str) -> tuple[datetime, str]:
    """The line's instant in UTC and its text; ParseError when it has no such timestamp.

    The kubelet stamps nanoseconds; they are truncated to microseconds, not rounded.
    A line end (LF or CRLF) belongs to neither part.
    """
    match = _STAMPED.fullmatch(line.rstrip("\r\n"))
    if match is None:
        raise ParseError(f"no RFC 3339 stamp and text in the log line {shown(line)}")
    second, fraction, zone, text = match.groups()
    micros = (fraction or "0")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
    try:
        instant = datetime.fromisoformat(f"{second}.{micros}{'+00:00' if zone == 'Z' else zone}")
        return instant.astimezone(UTC), text or ""
    except (ValueError, OverflowError) as err:
        raise ParseError(f"no such instant in the log line {shown(line)}: {err}") from err
