"""Watches the cluster while a job runs: a dead part ends the wait, and is named."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from include.errors import ClusterError, PartDied
from include.kube.follower import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
EACH_S = 4.0  # short enough to name a dead part within ten seconds


class Health:
    """Health of a cluster, checked periodically; `ask` raises any problem."""

    def __init__(self, ask: Callable[[], None] | None) -> None:
        self._ask = ask
        self._trouble = Trouble()
        self._next_at = time.monotonic() + EACH_S

    def look(self) -> None:
        """Check when due; raises for a dead part, and for lasting silence."""
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
        """Raise the cluster's current problem, which makes it useless as a witness of the job."""
        if self._ask is not None:
            self._ask()
