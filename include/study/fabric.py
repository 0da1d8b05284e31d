"""Check, from the fabric's own counters, that a point's ranks used the fabric as told."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include import clusters, waiting
from include.errors import ClusterError
from include.models import Status
from include.models.fabric import Carried, Traffic
from include.results import RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.models import ClusterHandle, Point, Record
    from include.results import Results

log = logging.getLogger(__name__)

FILE = "fabric.json"
FRESH_S = 6.0  # counters are reported every two seconds
POLL_S = 0.5
NOTHING = (
    "the ranks sent nothing over the fabric between their {nodes} nodes: MPI took another way; "
    "does the image carry the fabric's libraries, and do pods ask for its device?"
)
Counters = dict[str, Traffic]


@dataclass(frozen=True)
class Fabric:
    """The fabric of a cluster, which may be unmonitored."""

    handle: ClusterHandle

    def read(self) -> Counters | None:
        """The counters by node; None without monitoring or readings."""
        try:
            return clusters.load(self.handle.cluster).traffic(self.handle)
        except ClusterError as err:
            log.warning("the fabric's counters cannot be read: %s", err)
            return None

    def confirm(
        self, point: Point, record: Record, *, results: Results, before: Counters
    ) -> Record:
        """The record, invalid if its ranks are on several nodes and sent nothing over the fabric.

        MPI then took another way, and that is what was measured. Stores each node's counters.
        """
        after = self._after(record)
        rows = [
            Carried(node=name, before=before.get(name), after=after.get(name))
            for name in record.node_names
        ]
        folder = results.of_point(point.point_id)
        folder.write_json(FILE, [row.to_json() for row in rows])
        carried = [row.carried_bytes for row in rows]
        if None in carried:
            log.warning("%s: whether MPI used the fabric is not known of all nodes", point)
        elif record.status is Status.VALID and point.nodes > 1 and not any(carried):
            error = NOTHING.format(nodes=point.nodes)
            record = record.model_copy(update={"status": Status.INVALID, "error": error})
            folder.write_text(RECORD, record.model_dump_json(indent=2))
        return record

    def _after(self, record: Record) -> Counters:
        """Counters reported after the job's end, as far as they arrive within some seconds."""
        counters: Counters = {}
        for _ in waiting.looks(limit_s=FRESH_S, poll_s=POLL_S):
            counters = self.read() or {}
            if _is_fresh(counters, record):
                break
        return counters


def _is_fresh(counters: Mapping[str, Traffic], record: Record) -> bool:
    if record.completed_at is None:
        return False
    return all(n in counters and counters[n].at > record.completed_at for n in record.node_names)
