"""A check, by the fabric's own counters, that a point's ranks used the fabric as told."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include import clusters
from include.errors import ClusterError
from include.models import Status
from include.models.fabric import Carried, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.models import ClusterHandle, Point, Record
    from include.results import Results

log = logging.getLogger(__name__)

FILE = "fabric.json"
FRESH_S = 6.0  # counters are told every two seconds
POLL_S = 0.5
NOTHING = (
    "the ranks sent nothing over the fabric between their {nodes} nodes: MPI took another way; "
    "does the image carry the fabric's libraries, and do pods ask for its device?"
)
Counters = dict[str, Traffic]


@dataclass(frozen=True)
class Fabric:
    """The fabric of a cluster, which may be one that nobody watches."""

    handle: ClusterHandle

    def read(self) -> Counters | None:
        """The counters by node; None where no fabric is watched, or nobody tells them."""
        try:
            return clusters.load(self.handle.cluster).traffic(self.handle)
        except ClusterError as err:
            log.warning("the fabric's counters cannot be read: %s", err)
            return None

    def confirm(
        self, point: Point, record: Record, *, results: Results, before: Counters
    ) -> Record:
        """The record, invalid when its ranks are on several nodes and sent nothing over the fabric.

        Then MPI took another way, and what was measured is that way. Stores each node's counters.
        """
        after = self._after(record)
        rows = [
            Carried(node=name, before=before.get(name), after=after.get(name))
            for name in record.node_names
        ]
        folder = f"points/{point.point_id}"
        results.write_json(f"{folder}/{FILE}", [row.to_json() for row in rows])
        carried = [row.carried_bytes for row in rows]
        if None in carried:
            log.warning("%s: whether MPI used the fabric is not known of all nodes", point)
        elif record.status is Status.VALID and point.nodes > 1 and not any(carried):
            error = NOTHING.format(nodes=point.nodes)
            record = record.model_copy(update={"status": Status.INVALID, "error": error})
            results.write_text(f"{folder}/record.json", record.model_dump_json(indent=2))
        return record

    def _after(self, record: Record) -> Counters:
        """Counters that were told after the job's end, as far as they come in some seconds."""
        end = time.monotonic() + FRESH_S
        while True:
            told = self.read() or {}
            if _is_fresh(told, record) or time.monotonic() > end:
                return told
            time.sleep(POLL_S)


def _is_fresh(told: Mapping[str, Traffic], record: Record) -> bool:
    if record.completed_at is None:
        return False
    return all(n in told and told[n].at > record.completed_at for n in record.node_names)
