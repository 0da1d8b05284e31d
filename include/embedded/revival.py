"""Parts of a cluster on this machine that have died are started again, with a second try."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include.embedded import health, state
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)
PAUSE_S = 1.0  # before the second try


def revive(start: Callable[[frozenset[str]], None], *, root: Path, study_id: str) -> None:
    """Have `start` start again what of the study's cluster has died; it gets the names.

    A task has few tries, and each that fails here is a loss of its point: on a machine under load
    the first start may be too slow for somebody, or meet a port that is not free again yet. Names
    of what the first try has started stay, as others may have missed it. ClusterError.
    """
    dead = _dead(root, study_id=study_id)
    if not dead:
        return
    try:
        start(dead)
    except (ClusterError, ApiException) as err:
        log.warning("the cluster is not whole again, trying once more: %s", err)
    else:
        return
    time.sleep(PAUSE_S)
    try:
        start(dead | _dead(root, study_id=study_id))
    except ApiException as err:
        names = " and ".join(sorted(dead))
        msg = f"{names} of the cluster on this machine died and cannot be revived: {err.reason}"
        raise ClusterError(msg) from err


def _dead(root: Path, *, study_id: str) -> frozenset[str]:
    current = state.require(root, study_id=study_id)
    return health.dead_names(current) if current.is_complete else frozenset()
