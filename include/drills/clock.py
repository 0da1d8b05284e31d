"""The pipeline's clock, set wrong on purpose while the cluster's own stays right.

A machine's clock cannot be set for one process, so the project's own code gets a `datetime` whose
`now` is off. Nothing else changes: time limits use the monotonic clock.
"""

from __future__ import annotations

import datetime as dt
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.models import Record

JUMP = timedelta(hours=1)
RIGHT_WITHIN = timedelta(minutes=10)  # tolerance for the instants of a fresh record
SIGNAL = signal.SIGUSR1


class Jumped(datetime):
    """A `datetime` whose clock is off."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        """The current instant plus the jump."""
        return super().now(tz) + JUMP


_has_jumped = False  # for tasks that start later


def jump_in_later_tasks() -> None:
    """Give the wrong clock to every task that starts from now on."""
    globals()["_has_jumped"] = True


def set_right() -> None:
    """Give later tasks the right clock again."""
    globals()["_has_jumped"] = False


def prepare_task() -> None:
    """Set a task's clock wrong, when it starts or on the signal."""
    signal.signal(SIGNAL, lambda *_: _jump())
    if _has_jumped:
        _jump()


def _jump() -> None:
    for name, module in list(sys.modules.items()):
        names = vars(module)
        if name.startswith("include.") and name != __name__ and names.get("datetime") is datetime:
            names["datetime"] = Jumped


def wrong_instants(records: Iterable[Record]) -> list[str]:
    """Instants in fresh records that come from the wrong clock."""
    now = datetime.now(UTC)
    return [
        f"{record.point_id} was created at {record.created_at}"
        for record in records
        if record.created_at is None or not _is_right(record, now)
    ]


def _is_right(record: Record, now: datetime) -> bool:
    times: list[Any] = [record.created_at, record.completed_at, record.deleted_at]
    return all(at is not None and abs(now - at) < RIGHT_WITHIN for at in times)
