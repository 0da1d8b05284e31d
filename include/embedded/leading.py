"""The lead of a controller: dropped when it ends, awaited when it was started anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from include.embedded import processes
from include.embedded.local_cluster import admin
from include.kube.kinds import LEASE

if TYPE_CHECKING:
    from include.embedded.layout import Layout
    from include.kube.kinds import Controller

LEADER_LIMIT_S = 30.0
SETTLE_S = 2.0  # time for a fresh controller to fill its caches


def drop_leases(controller: Controller, layout: Layout) -> None:
    """Delete what an ended controller holds, as the next one would wait for its expiry."""
    kube = admin(layout, namespace=controller.namespace)
    kube.delete_all(LEASE, selector="")
    kube.close()


def wait(controller: Controller, layout: Layout) -> None:
    """Wait until a controller that was started anew leads, and has filled its caches."""
    if controller.elects_leader:
        kube = admin(layout, namespace=controller.namespace)
        processes.wait_for(
            f"{controller.name} to lead",
            lambda: bool(kube.list(LEASE).items),
            timeout_s=LEADER_LIMIT_S,
        )
        kube.close()
    time.sleep(SETTLE_S)
