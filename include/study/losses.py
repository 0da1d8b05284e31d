"""Points without an outcome: the reasons, and when to stop the study for them."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from include.base_model import Model
from include.errors import Cancelled, ClusterError, ParseError, problems
from include.results import RECORD
from include.study import stopping

if TYPE_CHECKING:
    from collections.abc import Collection

    from include.results import Results

log = logging.getLogger(__name__)
FIRST_LOSS = "loss-1.json"
BY_HAND = "Cancelled: the run was stopped by hand while the point was measured"
_OLDEST = datetime.min.replace(tzinfo=UTC)
LAST_LOSS = "loss-2.json"  # the loss after which a point is given up; the next one is due
NOT_STORED = "the results cannot be stored"
_ANSWERS = frozenset({FIRST_LOSS, LAST_LOSS, RECORD})


class Loss(Model):
    """One call that ended without a record of its point."""

    point_id: str
    reason: str
    cause: str = ""  # equal texts mean one cause; none where a hand did it
    is_of_cluster: bool = False  # True: a running job reflects the loss, not its operator
    is_cancelled: bool = False
    task: str = ""  # the task cancelled during it
    at: AwareDatetime | None = None


def loss_of(point_id: str, err: Exception) -> Loss:
    """The loss of a point by that error."""
    return Loss(
        point_id=point_id,
        reason=f"{type(err).__name__}: {err}",
        cause=_cause(err),
        is_of_cluster=isinstance(err, ClusterError),
        at=datetime.now(UTC),
    )


def _cause(err: Exception) -> str:
    """First clause of the error, or the store's own complaint; none where a hand did it."""
    if isinstance(err, Cancelled):
        return ""
    if _is_of_store(err):
        return str(err.__cause__)
    return str(err).split(": ")[0]


def _is_of_store(err: Exception) -> bool:
    return isinstance(err.__cause__, OSError) and not isinstance(err, ClusterError)


def note_loss(results: Results, point_id: str, err: Exception) -> None:
    """Note why a point has no outcome; after the second time it is given up.

    Two successive losses by one cause stop the study: the next point would be lost too. So does a
    store that accepts no more data, if it accepts the note of the stop.
    """
    loss = loss_of(point_id, err)
    log.warning("%s was lost: %s", point_id, loss.reason)
    since = stopping.lifted_at(results) or _OLDEST
    before = [each for each in _unanswered(results) if (each.at or _OLDEST) >= since]
    with suppress(OSError):  # the store may be the reason
        _store(results, loss)
    with suppress(OSError):
        if isinstance(err, OSError):
            stopping.stop(results, f"{NOT_STORED}: {err}")
        elif before and _is_of_one_cause(before[-1], loss, err):
            stopping.stop(results, f"two runs in a row were lost by one cause: {err}")


def _store(results: Results, loss: Loss) -> None:
    folder = results.of_point(loss.point_id)
    name = LAST_LOSS if folder.exists(FIRST_LOSS) else FIRST_LOSS
    folder.write_json(name, loss.to_json())


def _is_of_one_cause(before: Loss, loss: Loss, err: Exception) -> bool:
    """True if the next point would be lost, too, and not this one alone."""
    is_everywhere = loss.is_of_cluster or _is_of_store(err)
    is_other_point = before.point_id != loss.point_id
    return bool(loss.cause) and before.cause == loss.cause and (is_everywhere or is_other_point)


def store_handed_over(results: Results, handed_over: Collection[Loss]) -> None:
    """Note the losses that the store did not accept; StudyStopped while it still accepts nothing.

    They came past the store, so a store that stays full costs later points no try.
    """
    if not handed_over:  # as nearly always: no listing of the store before each point
        return
    noted = {point_id for point_id, name in results.point_files() if name in _ANSWERS}
    for loss in handed_over:
        if loss.point_id not in noted:
            try:
                _store(results, loss)
            except OSError as err:
                raise stopping.StudyStopped(f"{NOT_STORED}: {err}") from err


def give_up(results: Results, point_id: str, *, task: str) -> None:
    """Note that a point was ended by hand: the study continues with the next one.

    Running the task of that name again measures it anew.
    """
    loss = Loss(
        point_id=point_id,
        reason=BY_HAND,
        is_cancelled=True,
        task=task,
        at=datetime.now(UTC),
    )
    with suppress(OSError):
        results.of_point(point_id).write_json(LAST_LOSS, loss.to_json())


def cancelled_by(results: Results, *, task: str) -> frozenset[str]:
    """Ids of points without a record in which that task was ended by hand."""
    return frozenset(loss.point_id for loss in _unanswered(results) if task and loss.task == task)


def is_tainted(results: Results, point_id: str) -> bool:
    """True if a job of the point may exist that says nothing about its operator."""
    mine = [loss for loss in _unanswered(results) if loss.point_id == point_id]
    return any(loss.is_of_cluster or loss.is_cancelled for loss in mine)


def losses(results: Results) -> dict[str, str]:
    """Reasons why points have no outcome, by point id."""
    return {loss.point_id: loss.reason for loss in _all(results)}


def _unanswered(results: Results) -> list[Loss]:
    """Losses of points that still have no record, oldest first."""
    recorded = {point_id for point_id, name in results.point_files() if name == RECORD}
    mine = (loss for loss in _all(results) if loss.point_id not in recorded)
    return sorted(mine, key=lambda loss: loss.at or _OLDEST)


def _all(results: Results) -> list[Loss]:
    noted = sorted(each for each in results.point_files() if each[1] in {FIRST_LOSS, LAST_LOSS})
    return [_read(results, point_id, name) for point_id, name in noted]


def _read(results: Results, point_id: str, name: str) -> Loss:
    """The stored loss; a damaged file also counts as a loss."""
    folder = results.of_point(point_id)
    try:
        return Loss.model_validate(folder.read_json(name))
    except ValidationError as err:
        complaint = str(folder.damaged(name, problems(err)[0].message))
    except ParseError as err:
        complaint = str(err)
    return Loss(point_id=point_id, reason=complaint)
