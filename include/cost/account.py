"""The ledger of a study from the contents of its folder: steps, nodes, records and the price."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from include.analysis.left_out import left_out
from include.cost import cells, saved
from include.cost.cells import counts
from include.cost.ledger import (
    Entry,
    GivenBack,
    Ledger,
    Paid,
    Slice,
    Use,
    slices,
    spend,
)
from include.cost.stretches import DESTROY, PROVISION, of_records, of_steps
from include.errors import ParseError
from include.models import LeftOut, Record
from include.results import COST, NODES, PREFLIGHT, step_times
from include.tariff import PaidNode, Tariff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from include.results import Results
    from include.results.step_times import Step

log = logging.getLogger(__name__)


def note_nodes(results: Results, look: Callable[[], tuple[PaidNode, ...]]) -> None:
    """Store which nodes are paid for; a cluster that does not answer is a warning.

    A node that has gone is kept, with its end set to now. Also called when the cluster did not
    become ready, and must then not hide the reason.
    """
    try:
        # A second cluster's nodes may have the names of the first one's.
        nodes, now = {(node.name, node.since): node for node in look()}, datetime.now(UTC)
        gone = (node for node in _nodes(results) if (node.name, node.since) not in nodes)
        ended = [node.model_copy(update={"until": node.until or now}) for node in gone]
        results.write_json(NODES, [node.to_json() for node in (*ended, *nodes.values())])
    except Exception as err:  # noqa: BLE001  any client, any error
        log.warning("the nodes cannot be listed, so the ledger will lack them: %s", err)


def note_no_nodes(open_results: Callable[[], Results]) -> None:
    """Store that all nodes have ended now; an unreachable store is a warning."""
    try:
        results = open_results()
        if results.exists(NODES):
            note_nodes(results, lambda: ())
    except Exception as err:  # noqa: BLE001  any store, any error
        log.warning("the nodes' end is not stored: %s", err)


def spent_usd(results: Results) -> float | None:
    """Cost of the cluster so far; None without a known price, or before it is made."""
    tariff = _tariff(results)
    lives = _lives(step_times.read(results), now=datetime.now(UTC))
    if tariff is None or not lives:
        return None
    each_s = [(node.until - node.since).total_seconds() for node in _paid(results, lives)]
    node_usd = tariff.node_usd_per_hour * sum(each_s) / 3600
    return node_usd + tariff.usd(nodes=0, duration_s=_duration_s(lives))


def write_ledger(results: Results) -> Ledger | None:
    """Store the study's ledger, if there is anything to account for, and return it.

    An unreadable file is a warning: the report must work without a ledger.
    """
    try:
        ledger = ledger_of(results)
    except (ValueError, ParseError) as err:  # includes pydantic's errors
        log.warning("there is no ledger of the cost: %s", err)
        return None
    if ledger is not None:
        results.write_json(COST, ledger.to_json())
    return ledger


def ledger_of(results: Results) -> Ledger | None:
    """The ledger, None for a study that never asked for a cluster.

    Anything not yet deleted is counted until now, with a note.
    """
    noted = step_times.read(results)
    lives = _lives(noted, now=datetime.now(UTC))
    if not lives:
        return None
    notes = []
    if not lives[-1].is_over:
        notes.append("the cluster's deletion is not proven: counted until this report")
    if not (paid := _paid(results, lives)):
        notes.append("no node was seen: nothing is counted but what is paid beside the nodes")
    records = tuple(_all_records(results))
    stretches = [*of_steps(noted, until=lives[-1].until), *of_records(records)]
    spent, useful = spend(paid, stretches)
    return _ledger(
        results,
        spent=spent,
        useful_node_s=useful,
        lives=lives,
        records=records,
        given_back=saved.given_back(noted, _nodes(results)),
        notes=tuple(notes),
    )


def course_of(results: Results, current: Iterable[Record]) -> tuple[Slice, ...]:
    """The paid time of a study in order, each part with its nodes' activity; empty without any.

    `current` are the records that count; superseded attempts are read from the folder. An
    unreadable file is a warning, as in `write_ledger`.
    """
    try:
        noted = step_times.read(results)
        records = (*current, *_superseded(results))
        known = [step.finished_at or step.started_at for step in noted]
        known += [record.deleted_at for record in records if record.deleted_at]
        last = max(known, default=datetime.now(UTC))  # not now: a report must be reproducible
        lives = _lives(noted, now=last)
        paid = _paid(results, lives) if lives else []
    except (ValueError, ParseError) as err:
        log.warning("the course of the study is not known: %s", err)
        return ()
    stretches = [*of_steps(noted, until=last), *of_records(records)]
    return tuple(slices(paid, stretches))


@dataclass(frozen=True, kw_only=True)
class Life:
    """One cluster of the study; measuring a point again after its end makes another one."""

    since: datetime
    until: datetime
    is_over: bool  # its deletion is verified


def _lives(noted: Iterable[Step], *, now: datetime) -> tuple[Life, ...]:
    """The clusters of the study, each from its making to its verified deletion, or until now."""
    lives: list[Life] = []
    for step in noted:
        is_open = bool(lives) and not lives[-1].is_over
        if step.name == PROVISION and not is_open:
            lives.append(Life(since=step.started_at, until=now, is_over=False))
        elif step.name == DESTROY and is_open and step.finished_at is not None:
            lives[-1] = Life(since=lives[-1].since, until=step.finished_at, is_over=True)
    return tuple(lives)


def _duration_s(lives: Iterable[Life]) -> float:
    return sum((life.until - life.since).total_seconds() for life in lives)


def _paid(results: Results, lives: tuple[Life, ...]) -> list[Paid]:
    """The nodes during the life of their cluster."""
    paid = []
    for node in _nodes(results):
        life = next((each for each in reversed(lives) if each.since <= node.since), lives[0])
        until = min(node.until or life.until, life.until)
        paid.append(Paid(since=max(node.since, life.since), until=until))
    return paid


def _ledger(
    results: Results,
    *,
    spent: dict[Use, float],
    useful_node_s: float,
    lives: tuple[Life, ...],
    records: tuple[Record, ...],
    given_back: tuple[GivenBack, ...],
    notes: tuple[str, ...],
) -> Ledger:
    tariff = _tariff(results)
    plan = results.plan()
    not_measured = left_out(results, plan, records)
    total = sum(spent.values())
    valid = sum(map(counts, records))
    launching_node_s = cells.launching_node_s(records)
    other = tariff.usd(nodes=0, duration_s=_duration_s(lives)) if tariff else None
    entries = tuple(
        Entry(use=use, node_s=node_s, share=node_s / total if total else 0.0, usd=usd)
        for use, node_s in spent.items()
        for usd in (tariff.node_usd_per_hour * node_s / 3600 if tariff else None,)
    )
    usd = None if other is None else other + sum(entry.usd or 0.0 for entry in entries)
    return Ledger(
        study_id=plan.study_id,
        tariff=tariff,
        paid_from=lives[0].since,
        paid_until=lives[-1].until,
        paid_node_s=total,
        entries=entries,
        other_usd=other,
        usd=usd,
        useful_node_s=useful_node_s,
        useful_share=useful_node_s / total if total else 0.0,
        launching_node_s=launching_node_s,
        launching_share=launching_node_s / total if total else 0.0,
        cells=cells.by_cell(records, tariff=tariff),
        given_back=given_back,
        not_needed=sum(reason is LeftOut.KNOWN for reason in not_measured.values()),
        valid_samples=valid,
        usd_per_valid_sample=usd / valid if usd is not None and valid else None,
        node_s_per_valid_sample=total / valid if valid else None,
        notes=notes,
    )


def _nodes(results: Results) -> tuple[PaidNode, ...]:
    return tuple(PaidNode.model_validate(node) for node in results.find_json(NODES) or ())


def _tariff(results: Results) -> Tariff | None:
    if (looked := results.find_json(PREFLIGHT)) is None:
        return None
    tariff = looked["tariff"]
    return None if tariff is None else Tariff.model_validate(tariff)


def _all_records(results: Results) -> Iterator[Record]:
    """Current records and superseded attempts: all of them used nodes."""
    yield from results.readable_records()[0]
    yield from _superseded(results)


def _superseded(results: Results) -> Iterator[Record]:
    for path in results.path("points").glob("*/attempts/*/record.json"):
        try:
            yield Record.model_validate_json(path.read_bytes())
        except ValidationError as err:
            log.warning("the ledger lacks %s, which cannot be read: %s", path, err)
