"""The cost of a valid result by operator and size, and the time with a launcher at work."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from include.models import Model, Status
from include.models.variants import arm_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.models import Record
    from include.tariff import Tariff


class CellCost(Model):
    """The node-seconds of one operator's jobs at one size, including warm-ups and failures.

    Counts the job's own nodes, from its creation until no pod is left: other costs of the study
    (creating, installing, idle nodes) belong to no operator.
    """

    operator: str  # an arm: the operator, with its variant if there is one
    nodes: int
    runs: int  # attempts known to have had their nodes
    valid: int  # valid repeats without warm-ups
    node_s: float
    node_s_per_valid: float | None  # None when nothing is valid
    usd_per_valid: float | None  # None also without a price


def by_cell(records: Iterable[Record], *, tariff: Tariff | None) -> tuple[CellCost, ...]:
    """One entry per operator and size, in the order of their first runs."""
    cells: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.order_index):
        if record.nodes is not None:
            cells[arm_name(record.k8s_operator, record.variant), record.nodes].append(record)
    return tuple(
        _cell(operator, nodes, runs, tariff=tariff) for (operator, nodes), runs in cells.items()
    )


def _cell(operator: str, nodes: int, runs: list[Record], *, tariff: Tariff | None) -> CellCost:
    lasted_s = [
        (record.deleted_at - record.created_at).total_seconds()
        for record in runs
        if record.created_at is not None and record.deleted_at is not None
    ]
    node_s = nodes * sum(lasted_s)
    valid = sum(counts(record) for record in runs)
    each_s = node_s / valid if valid else None
    usd = None if each_s is None or tariff is None else tariff.node_usd_per_hour * each_s / 3600
    return CellCost(
        operator=operator,
        nodes=nodes,
        runs=len(lasted_s),
        valid=valid,
        node_s=node_s,
        node_s_per_valid=each_s,
        usd_per_valid=usd,
    )


def launching_node_s(records: Iterable[Record]) -> float:
    """Node-seconds with a launcher of a valid repeat at work: the measure of run 6.

    On simulated nodes it is the played time, which `time_scale` may have shortened.
    """
    return sum(
        record.nodes * record.launcher_time_s * record.time_scale
        for record in records
        if counts(record) and record.nodes is not None and record.launcher_time_s is not None
    )


def counts(record: Record) -> bool:
    """True for a valid repeat."""
    return record.status is Status.VALID and not record.is_warmup
