"""The cluster's events about a point's objects."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from include.errors import ClusterError
from include.kube.kinds import EVENT
from include.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.kube.client import Kube

WARNING = "Warning"

UNMADE = ("FailedCreate", "MPIJobFailed")  # reasons of events for pods that could not be made
PAUSE_S = 3.0  # between two looks


def events_of(kube: Kube, name: str) -> list[dict[str, Any]]:
    """Events of the objects that go by a point's name: time, object, type, reason and message."""
    return [
        {
            "at": event.get("lastTimestamp") or event.get("eventTime"),
            "object": f"{event['involvedObject']['kind']}/{event['involvedObject']['name']}",
            "type": event.get("type"),
            "reason": event.get("reason"),
            "message": redact(event.get("message") or ""),
        }
        for event in kube.list(EVENT).items
        if f"{event.get('involvedObject', {}).get('name', '')}-".startswith(f"{name}-")
    ]


def warnings_of(events: Iterable[dict[str, Any]]) -> list[str]:
    """The warnings among them, each once, the newest first."""
    newest_first = sorted(events, key=lambda event: str(event["at"] or ""), reverse=True)
    texts = (
        f"{event['reason']} of {event['object']}: {' '.join(event['message'].split())}"
        for event in newest_first
        if event["type"] == WARNING
    )
    return list(dict.fromkeys(texts))


class Warnings:
    """The cluster's warnings about a point's objects."""

    def __init__(self, kube: Kube, name: str) -> None:
        self._kube = kube
        self._name = name
        self._unmade: tuple[str, ...] = ()
        self._next_look_at = 0.0

    def now(self) -> list[str]:
        """All warnings, the newest first; none when nobody answers, of which the watches tell."""
        with suppress(ClusterError):
            return warnings_of(events_of(self._kube, self._name))
        return []

    def unmade(self) -> tuple[str, ...]:
        """Why pods could not be made, as of a few seconds ago."""
        if time.monotonic() >= self._next_look_at:
            self._next_look_at = time.monotonic() + PAUSE_S
            self._unmade = tuple(text for text in self.now() if text.startswith(UNMADE))[:1]
        return self._unmade
