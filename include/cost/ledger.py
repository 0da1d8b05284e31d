"""The use of paid node-seconds, in parts that always add up to the total."""

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

    CREATING = "creating"  # existing, but the cluster is not ready yet
    PULLING = "pulling"  # pulling the image before the first job
    SHRINKING = "giving nodes back"  # ending nodes that no later point needs
    INSTALLING = "installing"  # installing and uninstalling operators
    STARTING = "starting"  # a job's node, from the job's creation to the application's first line
    SOLVING = "solving"  # a job's node while the application runs
    DELETING = "deleting"  # a job's node, from the application's last line until the job is gone
    BESIDE = "idle beside a smaller job"  # a node that the running job does not use
    DESTROYING = "destroying"  # the cluster's deletion
    IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One node, with the time for which it is paid."""

    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The time of an activity on a job's nodes or, without a number, on all nodes."""

    use: Use
    start: datetime
    end: datetime
    nodes: int | None = None
    is_useful: bool = False  # belongs to a run that counts


class Entry(Model):
    """One line of the ledger."""

    use: Use
    node_s: float
    share: float  # share of all paid node-seconds
    usd: float | None


class GivenBack(Model):
    """One step that ended nodes which no later point needed."""

    at: AwareDatetime
    duration_s: float
    workers_kept: int
    nodes_ended: int


class Ledger(Model):
    """Account of a study's money: node-seconds by use, dollars where a price is known."""

    study_id: str
    tariff: Tariff | None
    paid_from: AwareDatetime
    paid_until: AwareDatetime
    paid_node_s: float
    entries: tuple[Entry, ...]
    other_usd: float | None  # control plane, network gateway
    usd: float | None
    useful_node_s: float  # solving, in valid runs except warm-ups
    useful_share: float
    launching_node_s: float = 0.0  # node-seconds with a launcher at work in those runs, as in run 6
    launching_share: float = 0.0
    cells: tuple[CellCost, ...] = ()
    given_back: tuple[GivenBack, ...] = ()
    not_needed: int = 0  # planned points left out, as the answer was known
    valid_samples: int
    usd_per_valid_sample: float | None
    node_s_per_valid_sample: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A time in which the activity of every paid node is constant."""

    start: datetime
    end: datetime
    nodes: dict[Use, int]  # number by activity; together all paid nodes
    useful: int  # number solving for a run that counts

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()


def spend(paid: Iterable[Paid], stretches: Iterable[Stretch]) -> tuple[dict[Use, float], float]:
    """Node-seconds by use, and how many of them were useful."""
    spent = dict.fromkeys(Use, 0.0)
    useful = 0.0
    for part in slices(paid, stretches):
        for use, nodes in part.nodes.items():
            spent[use] += nodes * part.duration_s
        useful += part.useful * part.duration_s
    return spent, useful


def slices(paid: Iterable[Paid], stretches: Iterable[Stretch]) -> Iterator[Slice]:
    """The paid time in chronological parts.

    A job takes its nodes first, as far as they exist; the others then idle beside it. Without a job
    the current step has all nodes, and without a step they idle. Each paid node-second is therefore
    counted once, however the stretches overlap.
    """
    for start, end, paid_nodes, active in _intervals(paid, stretches):
        doing = Counter[Use]()
        free, useful = paid_nodes, 0
        jobs = [stretch for stretch in active if stretch.nodes is not None]
        for job in jobs:
            taken = min(job.nodes or 0, free)
            free -= taken
            doing[job.use] += taken
            useful += taken * job.is_useful
        doing[_of_the_others(active, has_job=bool(jobs))] += free
        yield Slice(start=start, end=end, nodes=dict(doing), useful=useful)


def _of_the_others(active: Mapping[Stretch, int], *, has_job: bool) -> Use:
    if has_job:
        return Use.BESIDE
    steps = {stretch.use for stretch in active}
    return next((use for use in Use if use in steps), Use.IDLE)


def _intervals(
    paid: Iterable[Paid], stretches: Iterable[Stretch]
) -> Iterator[tuple[datetime, datetime, int, Counter[Stretch]]]:
    """Start, end, paid nodes and stretches of each time in which none of these changes."""
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
            yield at, following[0], nodes, active
