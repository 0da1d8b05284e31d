"""Start and end of each step of a study on the pipeline's clock, for the ledger of its cost.

Never for a measurement: an operator's times come from the cluster's timestamps.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from include.errors import problems
from include.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.results import Results

log = logging.getLogger(__name__)
FOLDER = "steps"


class Step(Model):
    """One step; without an end it was interrupted."""

    name: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None


@contextmanager
def timed(open_results: Callable[[], Results], name: str) -> Iterator[None]:
    """Note when the step began, and when it ended unless it fails.

    A retried step keeps its first start. One that had already ended, as when a point of the study is
    measured again, gets another file. An unreachable store is a warning: no step may fail for its
    note, `destroy` least of all.
    """
    relative, began = _begun(open_results, Step(name=name, started_at=datetime.now(UTC)))
    yield
    _store(open_results, relative, began.model_copy(update={"finished_at": datetime.now(UTC)}))


def _begun(open_results: Callable[[], Results], step: Step) -> tuple[str, Step]:
    """The file of the step, and the step with its effective start."""
    relative = f"{FOLDER}/{step.name}.json"
    try:
        results = open_results()
        for number in count(2):
            stored = results.find_bytes(relative)
            if stored is None:
                break
            before = Step.model_validate_json(stored)
            if before.finished_at is None:
                step = step.model_copy(update={"started_at": before.started_at})
                break
            relative = f"{FOLDER}/{step.name}~{number}.json"
    except Exception as err:  # noqa: BLE001  any store, any error: see `timed`
        log.warning("whether the step %s ran before cannot be read: %s", step.name, err)
    _store(open_results, relative, step)
    return relative, step


def _store(open_results: Callable[[], Results], relative: str, step: Step) -> None:
    try:
        open_results().write_json(relative, step.to_json())
    except Exception as err:  # noqa: BLE001  any store, any error: see `timed`
        log.warning("when the step %s began or ended is not stored: %s", step.name, err)


def read(results: Results) -> tuple[Step, ...]:
    """All noted steps in order of their start; ParseError for a damaged one."""
    paths = results.path(FOLDER).glob("*.json")
    steps = [_read(results, f"{FOLDER}/{str(path).rpartition('/')[2]}") for path in paths]
    return tuple(sorted(steps, key=lambda step: step.started_at))


def _read(results: Results, relative: str) -> Step:
    try:
        return Step.model_validate(results.read_json(relative))
    except ValidationError as err:
        raise results.damaged(relative, problems(err)[0].message) from err
