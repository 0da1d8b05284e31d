"""Extends a cluster's lease while a point runs, however long that takes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from include import clusters
from include.errors import ClusterError

if TYPE_CHECKING:
    from include.models import ClusterHandle

log = logging.getLogger(__name__)
EACH_S = 600.0  # a sixth of a lease
AGAIN_S = 60.0  # after a failure


class Upkeep:
    """Reports periodically that a cluster is in use; the preceding work has just done so."""

    def __init__(self, handle: ClusterHandle) -> None:
        self._handle = handle
        self._next_at = time.monotonic() + EACH_S

    def look(self) -> None:
        """Report when due. A failure is logged and retried: the lease has time left."""
        if time.monotonic() < self._next_at:
            return
        try:
            clusters.load(self._handle.cluster).keep(self._handle)
        except ClusterError as err:
            log.warning("the cluster's lease could not be extended: %s", err)
            self._next_at = time.monotonic() + AGAIN_S
        else:
            self._next_at = time.monotonic() + EACH_S
