"""The ledger of a study from what its folder keeps: steps, nodes, records and the price."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.cost import cells
from include.cost.cells import counts
from include.cost.ledger import Entry, Ledger, Paid, Stretch, Use, spend
from include.models import Record
from include.results import COST, NODES, PREFLIGHT, step_times
from include.tariff import PaidNode, Tariff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from include.results import Results
    from include.results.step_times import Step

log = logging.getLogger(__name__)
PROVISION, WAIT_READY, PULL, DESTROY = "provision", "wait_ready", "pull", "destroy"
WORKERS = "workers"  # step until all workers are there
INSTALL, UNINSTALL = "install", "uninstall"  # prefixes of steps, followed by the phase's number
SHRINK = "shrink"  # prefix of steps, followed by the number of kept workers
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


def note_nodes(results: Results, look: Callable[[], tuple[PaidNode, ...]]) -> None:
    """Store which nodes are paid for; a cluster that does not answer is a warning.

    One that was there before and is no more stays, as ended now. Called also when the cluster did
    not become ready, and then must not hide why.
    """
    try:
        # A second cluster's nodes may bear the names of the first one's.
        nodes, now = {(node.name, node.since): node for node in look()}, datetime.now(UTC)
        gone = (node for node in _nodes(results) if (node.name, node.since) not in nodes)
        ended = [node.model_copy(update={"until": node.until or now}) for node in gone]
        results.write_json(NODES, [node.to_json() for node in (*ended, *nodes.values())])
    except Exception as err:  # noqa: BLE001  any client, any error
        log.warning("the nodes cannot be listed, so the ledger will lack them: %s", err)


def note_no_nodes(open_results: Callable[[], Results]) -> None:
    """Store that all nodes have ended now; a store that cannot be reached is a warning."""
    try:
        results = open_results()
        if results.exists(NODES):
            note_nodes(results, lambda: ())
    except Exception as err:  # noqa: BLE001  any store, any error
        log.warning("the nodes' end is not stored: %s", err)


def spent_usd(results: Results) -> float | None:
    """Cost of the cluster so far; None without a known price, or before it is made."""
    tariff = _tariff(results)
    began = next(
        (step.started_at for step in step_times.read(results) if step.name == PROVISION), None
    )
    if tariff is None or began is None:
        return None
    now = datetime.now(UTC)
    each_s = [
        ((node.until or now) - max(node.since, began)).total_seconds() for node in _nodes(results)
    ]
    node_usd = tariff.node_usd_per_hour * sum(each_s) / 3600
    return node_usd + tariff.usd(nodes=0, duration_s=(now - began).total_seconds())


def write_ledger(results: Results) -> Ledger | None:
    """Store the study's ledger, if there is anything to account for, and return it.

    A file that cannot be read is a warning: the report must come without a ledger, too.
    """
    try:
        ledger = ledger_of(results)
    except ValueError as err:  # pydantic's and json's errors are such
        log.warning("there is no ledger of the cost: %s", err)
        return None
    if ledger is not None:
        results.write_json(COST, ledger.to_json())
    return ledger


def ledger_of(results: Results) -> Ledger | None:
    """The ledger, None for a study whose cluster was never asked for.

    What was not yet deleted is counted until now, and the notes say so.
    """
    noted = step_times.read(results)
    began = next((step.started_at for step in noted if step.name == PROVISION), None)
    if began is None:
        return None
    gone = next((step.finished_at for step in noted if step.name == DESTROY), None)
    until = gone or datetime.now(UTC)
    nodes = _nodes(results)
    notes = []
    if gone is None:
        notes.append("the cluster's deletion is not proven: counted until this report")
    if not nodes:
        notes.append("no node was seen: nothing is counted but what is paid beside the nodes")
    paid = [
        Paid(since=max(node.since, began), until=min(node.until or until, until)) for node in nodes
    ]
    records = tuple(_all_records(results))
    stretches = [*_of_steps(noted, until=until), *_of_records(records)]
    spent, useful = spend(paid, stretches)
    return _ledger(
        results,
        spent=spent,
        useful_node_s=useful,
        paid_from=began,
        paid_until=until,
        records=records,
        notes=tuple(notes),
    )


def _ledger(
    results: Results,
    *,
    spent: dict[Use, float],
    useful_node_s: float,
    paid_from: datetime,
    paid_until: datetime,
    records: tuple[Record, ...],
    notes: tuple[str, ...],
) -> Ledger:
    tariff = _tariff(results)
    total = sum(spent.values())
    valid = sum(map(counts, records))
    launching_node_s = cells.launching_node_s(records)
    duration_s = (paid_until - paid_from).total_seconds()
    other = tariff.usd(nodes=0, duration_s=duration_s) if tariff else None
    entries = tuple(
        Entry(use=use, node_s=node_s, share=node_s / total if total else 0.0, usd=usd)
        for use, node_s in spent.items()
        for usd in (tariff.node_usd_per_hour * node_s / 3600 if tariff else None,)
    )
    usd = None if other is None else other + sum(entry.usd or 0.0 for entry in entries)
    return Ledger(
        study_id=results.plan().study_id,
        tariff=tariff,
        paid_from=paid_from,
        paid_until=paid_until,
        paid_node_s=total,
        entries=entries,
        other_usd=other,
        usd=usd,
        useful_node_s=useful_node_s,
        useful_share=useful_node_s / total if total else 0.0,
        launching_node_s=launching_node_s,
        launching_share=launching_node_s / total if total else 0.0,
        cells=cells.by_cell(records, tariff=tariff),
        valid_samples=valid,
        usd_per_valid_sample=usd / valid if usd is not None and valid else None,
        node_s_per_valid_sample=total / valid if valid else None,
        notes=notes,
    )


def _nodes(results: Results) -> tuple[PaidNode, ...]:
    noted = json.loads(results.find_bytes(NODES) or b"[]")
    return tuple(PaidNode.model_validate(node) for node in noted)


def _tariff(results: Results) -> Tariff | None:
    if (looked := results.find_bytes(PREFLIGHT)) is None:
        return None
    tariff = json.loads(looked)["tariff"]
    return None if tariff is None else Tariff.model_validate(tariff)


def _all_records(results: Results) -> Iterator[Record]:
    """Current records and superseded attempts: all of them used nodes."""
    yield from results.records()
    for path in results.path("points").glob("*/attempts/*/record.json"):
        yield Record.model_validate_json(path.read_bytes())


def _of_steps(noted: tuple[Step, ...], *, until: datetime) -> Iterator[Stretch]:
    """One stretch per step; one that was cut off lasts until the next begins."""
    for index, step in enumerate(noted):
        following = noted[index + 1].started_at if index + 1 < len(noted) else until
        use = _USES.get(step.name.partition("-")[0])
        if use is not None:
            yield Stretch(use=use, start=step.started_at, end=step.finished_at or following)


def _of_records(records: Iterable[Record]) -> Iterator[Stretch]:
    for record in records:
        if record.nodes is None or record.created_at is None:
            continue
        begin, end = record.app_started_at, _application_end(record)
        gone = record.deleted_at or end
        instants = [record.created_at, begin or end, end, gone]
        known = [at for at in instants if at is not None]
        if len(known) < len(instants):
            continue  # nothing tells how long it had its nodes
        for use, start, stop in zip(_STAGES, known, known[1:], strict=False):
            yield Stretch(
                use=use,
                start=start,
                end=stop,
                nodes=record.nodes,
                is_useful=use is Use.SOLVING and counts(record),
            )


_STAGES = (Use.STARTING, Use.SOLVING, Use.DELETING)


def _application_end(record: Record) -> datetime | None:
    """The application's last line, or the first later instant that is known."""
    later = (
        record.app_finished_at,
        record.launcher_finished_at,
        record.completed_at,
        record.delete_requested_at,
        record.deleted_at,
    )
    return next((at for at in later if at is not None), None)
