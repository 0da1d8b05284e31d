"""Drops stretches of a point that its clocks contradict, with a note; its figures stay."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from include.models.timeline import INSTANTS, STRETCHES, Clock, durations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from include.models import Timeline

TOLERATED_S = 1.0  # timestamps are truncated to seconds, and healthy clocks agree within less
APPLICATION = {"app_started_at", "app_finished_at"}
LAUNCHER_TIME = "launcher_time_s"


def checked(
    times: Timeline, *, stamps: Sequence[datetime], own_times_s: Mapping[str, float | None]
) -> tuple[dict[str, float | None], str | None]:
    """The trustworthy stretches, and a note on those left out.

    `stamps` are those of the launcher's log, `own_times_s` its own figures, as measured by the
    application and the launcher. None of them can be longer than its log.
    """
    known = durations(times)
    notes, suspects = _orders(known)
    if backwards := _largest_step_back_s(stamps):
        notes.append(f"the stamps of the launcher's log run backwards by {backwards:.1f} s")
        suspects.add(Clock.LAUNCHER)
    if contradicted := _own_times(times, own_times_s):
        notes += contradicted
        suspects.add(Clock.LAUNCHER)
    left_out = {name for name in known if suspects and _clocks(name) & suspects}
    # Stretches of a single clock stay, unless that clock was changed meanwhile.
    if not backwards and not contradicted:
        left_out = {name for name in left_out if len(_clocks(name)) > 1}
    if late := _late_output(times, own_times_s):
        notes.append(late)
        left_out |= {name for name in known if _bounds(name) & APPLICATION}
    left_out = {name for name in left_out if known[name] is not None}
    trusted = {name: None if name in left_out else value for name, value in known.items()}
    if left_out:
        notes.append(f"left out: {', '.join(name for name in known if name in left_out)}")
    return trusted, "; ".join(notes) or None


def _orders(known: Mapping[str, float | None]) -> tuple[list[str], set[str]]:
    """Messages on stretches that end before they begin, and the clocks at fault."""
    notes: list[str] = []
    suspects: set[str] = set()
    for name, seconds in known.items():
        if seconds is not None and seconds < -TOLERATED_S:
            stretch = STRETCHES[name]
            otherwise = INSTANTS[stretch.begins].otherwise if known["queue_s"] is None else ""
            first = otherwise or stretch.begins
            clocks = " and ".join(sorted(_clocks(name)))
            notes.append(
                f"{stretch.ends} is {-seconds:.1f} s before {first} ({name}): the clocks of "
                f"{clocks} contradict each other"
            )
            suspects |= _clocks(name)
    # Most stretches use the API server's clock, and it is the nodes' clocks that are off.
    if suspects - {Clock.CLUSTER}:
        suspects.discard(Clock.CLUSTER)
    return notes, suspects


def _clocks(name: str) -> set[Clock]:
    return {INSTANTS[instant].clock for instant in _bounds(name)}


def _largest_step_back_s(stamps: Sequence[datetime]) -> float:
    """Largest step back of a log's timestamps in seconds; 0 when negligible."""
    steps = ((before - after).total_seconds() for before, after in pairwise(stamps))
    largest = max(steps, default=0.0)
    return largest if largest > TOLERATED_S else 0.0


def _late_output(times: Timeline, own_times_s: Mapping[str, float | None]) -> str | None:
    """A note when the application's first line appeared long after its work had started."""
    first, last = times.app_started_at, times.app_finished_at
    if first is None or last is None:
        return None
    lasted_s = (last - first).total_seconds()
    for name, seconds in own_times_s.items():
        if name != LAUNCHER_TIME and seconds is not None and seconds > lasted_s + TOLERATED_S:
            return (
                f"{name} is {seconds:.1f} s, and by the stamps of its lines the application took "
                f"{lasted_s:.1f} s: its output was held back"
            )
    return None


def _bounds(name: str) -> set[str]:
    return {STRETCHES[name].begins, STRETCHES[name].ends}


def _own_times(times: Timeline, own_times_s: Mapping[str, float | None]) -> list[str]:
    """Complaints about durations longer than their log, or shorter than a part of them."""
    first, last = times.launcher_started_at, times.launcher_finished_at
    if first is None or last is None:
        return []
    lasted_s = (last - first).total_seconds()
    complaints = [
        f"{name} is {seconds:.1f} s, and by its stamps the whole log took {lasted_s:.1f} s"
        for name, seconds in own_times_s.items()
        if seconds is not None and seconds > lasted_s + TOLERATED_S
    ]
    launcher_s, app_s = own_times_s.get(LAUNCHER_TIME), durations(times)["app_s"]
    if launcher_s is not None and app_s is not None and app_s > launcher_s + TOLERATED_S:
        complaints.append(
            f"{LAUNCHER_TIME} is {launcher_s:.1f} s, and by the stamps of its lines the "
            f"application, which is a part of it, took {app_s:.1f} s"
        )
    return complaints
