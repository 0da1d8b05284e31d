"""Stretches of a point that its clocks contradict are left out, with a note; its figures stay."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from include.models.timeline import STRETCHES, durations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from include.models import Timeline

TOLERATED_S = 1.0  # stamps of whole seconds are cut off, and clocks in good order agree closer
CLUSTER, KUBELETS, LAUNCHER = (
    "the API server",
    "the kubelets of the ranks",
    "the launcher's node",
)
CLOCKS = {  # whose clock gave an instant
    "pods_running_at": KUBELETS,
    "launcher_started_at": LAUNCHER,
    "app_started_at": LAUNCHER,
    "app_finished_at": LAUNCHER,
    "launcher_finished_at": LAUNCHER,
}


def checked(
    times: Timeline, *, stamps: Sequence[datetime], own_times_s: Mapping[str, float | None]
) -> tuple[dict[str, float | None], str | None]:
    """The stretches that can be trusted, and a note on those that are left out.

    `stamps` are those of the launcher's log, `own_times_s` what the log says of itself, as the
    application and the launcher measured it. None of them can last longer than its log.
    """
    known = durations(times)
    notes, suspects = _orders(known)
    if backwards := _largest_step_back_s(stamps):
        notes.append(f"the stamps of the launcher's log run backwards by {backwards:.1f} s")
        suspects.add(LAUNCHER)
    notes += (contradicted := _own_times(times, own_times_s))
    left_out = {name for name in known if suspects and _clocks(name) & suspects}
    # What one clock measures alone stays, unless that clock was moved meanwhile.
    if not backwards and not contradicted:
        left_out = {name for name in left_out if len(_clocks(name)) > 1}
    if contradicted:
        left_out |= {name for name in known if _clocks(name) == {LAUNCHER}}
    left_out = {name for name in left_out if known[name] is not None}
    trusted = {name: None if name in left_out else value for name, value in known.items()}
    if left_out:
        notes.append(f"left out: {', '.join(name for name in known if name in left_out)}")
    return trusted, "; ".join(notes) or None


def _orders(known: Mapping[str, float | None]) -> tuple[list[str], set[str]]:
    """The stretches that end before they begin, and the clocks at fault."""
    notes: list[str] = []
    suspects: set[str] = set()
    for name, seconds in known.items():
        if seconds is not None and seconds < -TOLERATED_S:
            stretch = STRETCHES[name]
            clocks = " and ".join(sorted(_clocks(name)))
            notes.append(
                f"{stretch.ends} is {-seconds:.1f} s before {stretch.begins} ({name}): the clocks "
                f"of {clocks} contradict each other"
            )
            suspects |= _clocks(name)
    # The API server's clock is in most stretches, and the nodes' are those that are off.
    if suspects - {CLUSTER}:
        suspects.discard(CLUSTER)
    return notes, suspects


def _clocks(name: str) -> set[str]:
    stretch = STRETCHES[name]
    return {CLOCKS.get(instant, CLUSTER) for instant in (stretch.begins, stretch.ends)}


def _largest_step_back_s(stamps: Sequence[datetime]) -> float:
    """By how much a log's stamps go back at most; 0 when that is not worth a word."""
    steps = ((before - after).total_seconds() for before, after in pairwise(stamps))
    largest = max(steps, default=0.0)
    return largest if largest > TOLERATED_S else 0.0


def _own_times(times: Timeline, own_times_s: Mapping[str, float | None]) -> list[str]:
    first, last = times.launcher_started_at, times.launcher_finished_at
    if first is None or last is None:
        return []
    lasted_s = (last - first).total_seconds()
    return [
        f"{name} is {seconds:.1f} s, and by its stamps the whole log took {lasted_s:.1f} s"
        for name, seconds in own_times_s.items()
        if seconds is not None and seconds > lasted_s + TOLERATED_S
    ]
