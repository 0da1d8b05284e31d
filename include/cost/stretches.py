"""Stretches of a study's time with the use of its nodes, from steps and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.cost.cells import counts
from include.cost.ledger import Stretch, Use
from include.cost.saved import SHRINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from include.models import Record
    from include.results.step_times import Step

PROVISION, WAIT_READY, PULL, DESTROY = "provision", "wait_ready", "pull", "destroy"
WORKERS = "workers"  # step until all workers are ready
INSTALL, UNINSTALL = "install", "uninstall"  # prefixes of steps, followed by the phase's number
_USES = {
    PROVISION: Use.CREATING,
    WAIT_READY: Use.CREATING,
    WORKERS: Use.CREATING,
    PULL: Use.PULLING,
    INSTALL: Use.INSTALLING,
    UNINSTALL: Use.INSTALLING,
    SHRINK: Use.SHRINKING,
    DESTROY: Use.DESTROYING,
}
_STAGES = (Use.STARTING, Use.SOLVING, Use.DELETING)


def of_steps(noted: tuple[Step, ...], *, until: datetime) -> Iterator[Stretch]:
    """One stretch per step; an interrupted one lasts until the next begins."""
    for index, step in enumerate(noted):
        following = noted[index + 1].started_at if index + 1 < len(noted) else until
        use = _USES.get(step.name.partition("-")[0])
        if use is not None:
            yield Stretch(use=use, start=step.started_at, end=step.finished_at or following)


def of_records(records: Iterable[Record]) -> Iterator[Stretch]:
    """Starting, solving and deleting of each record with known instants."""
    for record in records:
        if record.nodes is None or record.created_at is None:
            continue
        begin, end = record.app_started_at, _application_end(record)
        gone = record.deleted_at or end
        instants = [record.created_at, begin or end, end, gone]
        known = [at for at in instants if at is not None]
        if len(known) < len(instants):
            continue  # unknown how long it had its nodes
        for use, start, stop in zip(_STAGES, known, known[1:], strict=False):
            yield Stretch(
                use=use,
                start=start,
                end=stop,
                nodes=record.nodes,
                is_useful=use is Use.SOLVING and counts(record),
            )


def _application_end(record: Record) -> datetime | None:
    """The application's last line, or the first later known instant."""
    later = (
        record.app_finished_at,
        record.launcher_finished_at,
        record.completed_at,
        record.delete_requested_at,
        record.deleted_at,
    )
    return next((at for at in later if at is not None), None)
