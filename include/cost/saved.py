"""Nodes that a study gave back while it went on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.cost.ledger import GivenBack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.results.step_times import Step
    from include.tariff import PaidNode

SHRINK = "shrink"  # prefix of steps, followed by the number of kept workers


def given_back(noted: Iterable[Step], nodes: Iterable[PaidNode]) -> tuple[GivenBack, ...]:
    """The steps that gave nodes back, each with the nodes that ended meanwhile."""
    ends = [node.until for node in nodes if node.until is not None]
    return tuple(
        GivenBack(
            at=step.started_at,
            duration_s=(step.finished_at - step.started_at).total_seconds(),
            workers_kept=int(step.name.partition("-")[2]),
            nodes_ended=sum(step.started_at < end <= step.finished_at for end in ends),
        )
        for step in noted
        if step.name.partition("-")[0] == SHRINK and step.finished_at is not None
    )
