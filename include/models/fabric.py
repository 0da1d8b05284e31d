"""Traffic of a node's fabric, by its own counters."""

from __future__ import annotations

from pydantic import AwareDatetime

from include.base_model import Model


class Traffic(Model):
    """The counters of one node's fabric at one moment, and the limits of a pod there."""

    at: AwareDatetime
    sent_bytes: int
    received_bytes: int
    locked_memory_kib: str  # `ulimit -l`, possibly a word
    shared_memory_kib: int  # size of /dev/shm in a pod that requests none


class Carried(Model):
    """A node's counters around one point."""

    node: str
    before: Traffic | None
    after: Traffic | None

    @property
    def carried_bytes(self) -> int | None:
        """Bytes transferred in between, None when unknown."""
        if self.before is None or self.after is None:
            return None
        sent = self.after.sent_bytes - self.before.sent_bytes
        return sent + self.after.received_bytes - self.before.received_bytes
