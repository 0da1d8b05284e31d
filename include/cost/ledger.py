"""The use of paid node-seconds; the parts always add up to the total."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from include.cost.cells import CellCost
from include.models import Model
from include.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime


class Use(StrEnum):
    """Uses of a paid node. Where steps overlap, the one listed first counts."""

    CREATING = "creating"  # there, and the cluster not yet ready
    PULLING = "pulling"  # the image, before the first job
    INSTALLING = "installing"  # and uninstalling operators
    STARTING = "starting"  # a job's node, from the job's creation to the application's first line
    SOLVING = "solving"  # a job's node while the application runs
    DELETING = "deleting"  # a job's node, from the application's last line until the job is gone
    BESIDE = "idle beside a smaller job"  # a node that the job at work does not use
    SHRINKING = "giving nodes back"  # nodes that no later point needs
    DESTROYING = "destroying"  # the cluster's deletion
    IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One node, from when until when it is paid for."""

    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which nodes did something: those of a job, or with no number all of them."""

    use: Use
    start: datetime
    end: datetime
    nodes: int | None = None
    is_useful: bool = False  # whether it belongs to a run that counts


class Entry(Model):
    """One line of the ledger."""

    use: Use
    node_s: float
    share: float  # share of all paid node-seconds
    usd: float | None


class Ledger(Model):
    """Where the money of a study went. Node-seconds by use, dollars where a price is known."""

    study_id: str
    tariff: Tariff | None
    paid_from: AwareDatetime
    paid_until: AwareDatetime
    paid_node_s: float
    entries: tuple[Entry, ...]
    other_usd: float | None  # control plane, network gateway
    usd: float | None
    useful_node_s: float  # solving, in valid runs that are no warm-ups
    useful_share: float
    launching_node_s: float = 0.0  # node-seconds with a launcher at work in those runs, as in run 6
    launching_share: float = 0.0
    cells: tuple[CellCost, ...] = ()
    valid_samples: int
    usd_per_valid_sample: float | None
    node_s_per_valid_sample: float | None
    notes: tuple[str, ...] = ()


def spend(paid: Iterable[Paid], stretches: Iterable[Stretch]) -> tuple[dict[Use, float], float]:
    """Node-seconds by use, and how many of them were useful.

    A job takes its nodes first, as far as there are any; the others then idle beside it. With no
    job the step at work has all nodes, and without one they idle. So each paid node-second is
    counted once, however the stretches lie.
    """
    spent = dict.fromkeys(Use, 0.0)
    useful = 0.0
    for duration_s, nodes, active in _intervals(paid, stretches):
        free = nodes
        jobs = [stretch for stretch in active if stretch.nodes is not None]
        for job in jobs:
            taken = min(job.nodes or 0, free)
            free -= taken
            spent[job.use] += taken * duration_s
            useful += taken * duration_s * job.is_useful
        spent[_of_the_others(active, has_job=bool(jobs))] += free * duration_s
    return spent, useful


def _of_the_others(active: Mapping[Stretch, int], *, has_job: bool) -> Use:
    if has_job:
        return Use.BESIDE
    steps = {stretch.use for stretch in active}
    return next((use for use in Use if use in steps), Use.IDLE)


def _intervals(
    paid: Iterable[Paid], stretches: Iterable[Stretch]
) -> Iterator[tuple[float, int, Counter[Stretch]]]:
    """Seconds, paid nodes and stretches of each time in which none of these changes."""
    events: list[tuple[datetime, int, Stretch | None]] = []
    for node in paid:
        if node.since < node.until:
            events += [(node.since, 1, None), (node.until, -1, None)]
    for stretch in stretches:
        if stretch.start < stretch.end:
            events += [(stretch.start, 1, stretch), (stretch.end, -1, stretch)]
    events.sort(key=lambda event: event[0])
    nodes, active = 0, Counter[Stretch]()
    for (at, change, subject), following in pairwise(events):
        if subject is None:
            nodes += change
        else:
            active[subject] += change
            if not active[subject]:
                del active[subject]
        if nodes and following[0] > at:
            yield (following[0] - at).total_seconds(), nodes, active
