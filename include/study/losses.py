"""Points without an outcome: why they were lost, and when to stop for it."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from include.base_model import Model
from include.errors import ClusterError
from include.results import RECORD
from include.study import stopping

if TYPE_CHECKING:
    from include.results import Results

log = logging.getLogger(__name__)
FIRST_LOSS = "loss-1.json"
LAST_LOSS = "loss-2.json"  # with it, a point is given up and the next one is due


class Loss(Model):
    """One call that ended without a record of its point."""

    point_id: str
    reason: str
    cause: str = ""  # the reason's first clause: two that are alike have one cause
    is_of_cluster: bool = False  # then a job that was at work tells of that, not of its operator
    at: AwareDatetime | None = None


def note_loss(results: Results, point_id: str, err: Exception) -> None:
    """Note why a point has no outcome; after the second time it is given up.

    Two losses in a row by one cause of the cluster stop the study: the next point would be lost
    to it too. A store that takes nothing more stops it as well, when it takes as much as that.
    """
    reason = f"{type(err).__name__}: {err}"
    loss = Loss(
        point_id=point_id,
        reason=reason,
        cause=reason.split(": ")[1] if isinstance(err, ClusterError) else "",
        is_of_cluster=isinstance(err, ClusterError),
        at=datetime.now(UTC),
    )
    log.warning("%s was lost: %s", point_id, reason)
    before = _unanswered(results)
    folder = results.of_point(point_id)
    first = not folder.exists(FIRST_LOSS)
    with suppress(OSError):  # the store may be why
        folder.write_json(FIRST_LOSS if first else LAST_LOSS, loss.to_json())
    with suppress(OSError):
        if isinstance(err, OSError):
            stopping.stop(results, f"the results cannot be stored: {err}")
        elif loss.cause and before and before[-1].cause == loss.cause:
            stopping.stop(results, f"two runs in a row were lost by one cause: {err}")


def is_tainted(results: Results, point_id: str) -> bool:
    """True if the point was lost with the cluster before, and has no record yet."""
    mine = [loss for loss in _unanswered(results) if loss.point_id == point_id]
    return any(loss.is_of_cluster for loss in mine)


def losses(results: Results) -> dict[str, str]:
    """Why points have no outcome, by point id."""
    return {loss.point_id: loss.reason for loss in _all(results)}


def _unanswered(results: Results) -> list[Loss]:
    """Losses of points that still have no record, the oldest first."""
    recorded = {point_id for point_id, name in results.point_files() if name == RECORD}
    oldest = datetime.min.replace(tzinfo=UTC)
    mine = (loss for loss in _all(results) if loss.point_id not in recorded)
    return sorted(mine, key=lambda loss: loss.at or oldest)


def _all(results: Results) -> list[Loss]:
    noted = sorted(each for each in results.point_files() if each[1] in {FIRST_LOSS, LAST_LOSS})
    texts = (results.of_point(point).read_bytes(name) for point, name in noted)
    return [Loss.model_validate(json.loads(text)) for text in texts]
