"""When each step of a study began and ended, by the pipeline's clock: for the ledger of its cost.

Never for a measurement: what an operator takes has stamps of the cluster's own.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.results import Results

log = logging.getLogger(__name__)
FOLDER = "steps"


class Step(Model):
    """One step; without an end it was cut off."""

    name: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None


@contextmanager
def timed(open_results: Callable[[], Results], name: str) -> Iterator[None]:
    """Note when the step began, and when it ended unless it fails; the first beginning counts.

    A store that cannot be reached is a warning: no step may fail for its note, `destroy` least.
    """
    began = Step(name=name, started_at=datetime.now(UTC))
    began = _note(open_results, began) or began
    yield
    _note(open_results, began.model_copy(update={"finished_at": datetime.now(UTC)}))


def _note(open_results: Callable[[], Results], step: Step) -> Step | None:
    """Store the step with the beginning that is stored already; returns what is stored."""
    relative = f"{FOLDER}/{step.name}.json"
    try:
        results = open_results()
        if (stored := results.find_bytes(relative)) is not None:
            first = Step.model_validate_json(stored).started_at
            step = step.model_copy(update={"started_at": first})
        results.write_json(relative, step.to_json())
    except Exception as err:  # noqa: BLE001  any store, any error: see `timed`
        log.warning("when the step %s began or ended is not stored: %s", step.name, err)
        return None
    return step


def read(results: Results) -> tuple[Step, ...]:
    """All steps that were noted, in the order of their beginnings."""
    paths = results.path(FOLDER).glob("*.json")
    steps = (Step.model_validate_json(path.read_bytes()) for path in paths)
    return tuple(sorted(steps, key=lambda step: step.started_at))
