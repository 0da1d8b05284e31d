"""Looks after the cluster while a job is waited for: a dead part ends the wait, and by its name."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from include.errors import ClusterError, PartDied
from include.kube.follower import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
EACH_S = 4.0  # so that a dead part is told within ten seconds


class Health:
    """What a cluster says of itself from time to time; `ask` raises what is wrong."""

    def __init__(self, ask: Callable[[], None] | None) -> None:
        self._ask = ask
        self._trouble = Trouble()
        self._next_at = time.monotonic() + EACH_S

    def look(self) -> None:
        """Ask when it is time; raises for a part that died, and for silence that lasts."""
        if self._ask is None or time.monotonic() < self._next_at:
            return
        try:
            self._ask()
        except PartDied:
            raise
        except ClusterError as err:
            if self._trouble.last is None:
                log.warning("the cluster is in trouble: %s", err)
            self._trouble.note(err)
            if self._trouble.lasting():
                raise
        else:
            self._trouble.end()
        finally:
            self._next_at = time.monotonic() + EACH_S

    def require(self) -> None:
        """Raise what is wrong with the cluster now: then it says nothing of the job."""
        if self._ask is not None:
            self._ask()
