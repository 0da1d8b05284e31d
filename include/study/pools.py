"""The workers that a study keeps when it gives nodes back: nested sets, drawn by seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from include.models import NodeOrder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.models import Plan, Point, Study


def pool_of(study: Study, *, nodes: int, workers: int) -> tuple[int, ...]:
    """Indexes of the workers available to points of a size, out of that many workers.

    Smaller sizes use a subset of larger ones. All of them, unless the study takes its sizes in
    descending order.
    """
    if study.node_order is not NodeOrder.DESCENDING:
        return tuple(range(workers))
    order = random.Random(f"{study.seed}/pool")  # noqa: S311  a choice of nodes, not a secret
    kept = min(workers, nodes + study.spare_nodes)
    return tuple(order.sample(range(workers), workers)[:kept])


def still_needed(plan: Plan, due: Iterable[Point], *, workers: int) -> tuple[int, ...]:
    """Indexes of the workers that some due point may run on, in ascending order."""
    sizes = {point.nodes for point in due}
    if not sizes:
        return tuple(range(workers))
    return tuple(sorted(pool_of(plan.study, nodes=max(sizes), workers=workers)))
