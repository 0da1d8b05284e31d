"""The outcome of a confirmation, from its records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.models import Better, Status
from include.regression import confirmation_plan
from include.regression.confirmation import Comparison, compare_blocks
from include.regression.confirmation_plan import Arm
from include.results import CONFIRMATION_FOLDER, Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.analysis.quantities import Quantity
    from include.models import Record
    from include.regression.suspects import Suspect


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A suspect, and the measurements of its confirmation."""

    suspect: Suspect
    blocks_planned: int  # 0: none was run
    repeated: tuple[float, ...] = ()  # tonight's configuration alone, when nothing was exchanged
    against_last_good: Comparison | None = None  # None: no block has a valid run of both arms


def outcomes_of(
    results: Results, suspects: Sequence[Suspect], quantity: Quantity
) -> tuple[Outcome, ...]:
    """The outcome of each suspect, in their order."""
    planned = confirmation_plan.read(results)
    if planned is None:
        return tuple(Outcome(suspect=suspect, blocks_planned=0) for suspect in suspects)
    folder = Results(results.path(CONFIRMATION_FOLDER))
    times = {
        record.point_id: _time(record, quantity)
        for record in folder.records()
        if record.status is Status.VALID
    }
    outcomes = []
    for suspect in suspects:
        blocks: dict[int, dict[Arm, float | None]] = defaultdict(dict)
        for point_id, trial in planned.trials.items():
            if trial.group == suspect.group:
                blocks[trial.block][trial.arm] = times.get(point_id)
        outcomes.append(_outcome(suspect, blocks))
    return tuple(outcomes)


def _time(record: Record, quantity: Quantity) -> float | None:
    """The quantity of a run; for a rate, the time per unit of work."""
    value = record.figures.get(quantity.name, getattr(record, quantity.name, None))
    return 1 / value if value and quantity.better is Better.HIGHER else value


def _outcome(suspect: Suspect, blocks: dict[int, dict[Arm, float | None]]) -> Outcome:
    planned = len(blocks)
    if not any(Arm.LAST_GOOD in arms for arms in blocks.values()):
        repeated = tuple(v for arms in blocks.values() if (v := arms.get(Arm.TONIGHT)))
        return Outcome(suspect=suspect, blocks_planned=planned, repeated=repeated)
    pairs = [
        (ours, theirs)
        for arms in blocks.values()
        if (ours := arms.get(Arm.TONIGHT)) and (theirs := arms.get(Arm.LAST_GOOD))
    ]
    if not pairs:
        return Outcome(suspect=suspect, blocks_planned=planned)
    compared = compare_blocks(
        [ours for ours, _ in pairs],
        [theirs for _, theirs in pairs],
        rate_unit=suspect.rate_unit,
    )
    return Outcome(suspect=suspect, blocks_planned=planned, against_last_good=compared)
