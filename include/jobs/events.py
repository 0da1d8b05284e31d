"""The cluster's events about a point's objects."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include.errors import ClusterError, PartDied
from include.jobs.pod_states import waits_for_node
from include.kube.conditions import is_down
from include.kube.kinds import EVENT, NODE
from include.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from include.kube.client import Kube

log = logging.getLogger(__name__)
WARNING = "Warning"

UNMADE = ("FailedCreate", "MPIJobFailed")  # reasons of events for pods that could not be made
# Reasons of events for pods that their node or its volumes cannot start: FailedMount and others.
STUCK, NETWORK = "Failed", "NetworkNotReady"
# Those after which a start goes on, and those told in the pod itself.
PASSING = frozenset({"Failed", "FailedScheduling", "FailedToRetrieveImagePullSecret"})
PAUSE_S = 3.0  # between two looks
NODES_EACH_S = 10.0  # between two looks at the nodes


def events_of(kube: Kube, name: str, *, since: str | None) -> list[dict[str, Any]]:
    """Events of the objects with a point's name: time, object, type, reason and message.

    Includes the container of a pod, if the event is about one.

    Events that the API server received before `since` belong to an earlier attempt's objects,
    which had the same names.
    """
    return [
        {
            "at": event.get("lastTimestamp") or event.get("eventTime"),
            "object": f"{event['involvedObject']['kind']}/{event['involvedObject']['name']}",
            "type": event.get("type"),
            "reason": event.get("reason"),
            "message": redact(event.get("message") or ""),
            **_container(event["involvedObject"]),
        }
        for event in kube.list(EVENT).items
        if f"{event.get('involvedObject', {}).get('name', '')}-".startswith(f"{name}-")
        and not _is_older(event, since)
    ]


def _is_stuck(reason: str) -> bool:
    return reason == NETWORK or (reason.startswith(STUCK) and reason not in PASSING)


def _container(involved: dict[str, Any]) -> dict[str, str]:
    """The name of the container in `spec.containers{name}`."""
    name = involved.get("fieldPath", "").partition("{")[2].rstrip("}")
    return {"container": name} if name else {}


def _is_older(event: dict[str, Any], since: str | None) -> bool:
    """True by the API server's own clock, in whole seconds of UTC: a node's may be off."""
    at = event.get("metadata", {}).get("creationTimestamp")
    return at is not None and since is not None and str(at) < since


def warnings_of(events: Iterable[dict[str, Any]]) -> list[str]:
    """The warnings among them, each once, newest first."""
    newest_first = sorted(events, key=lambda event: str(event["at"] or ""), reverse=True)
    texts = (
        f"{event['reason']} of {event['object']}: {' '.join(event['message'].split())}"
        for event in newest_first
        if event["type"] == WARNING
    )
    return list(dict.fromkeys(texts))


class Warnings:
    """The cluster's warnings about a point's objects: an extra, so no answer means none.

    PartDied of a guarded client passes through everywhere.
    """

    def __init__(
        self, kube: Kube, name: str, *, since: Callable[[], str | None] = lambda: None
    ) -> None:
        self._kube = kube
        self._name = name
        self._since = since
        self._events: list[dict[str, Any]] = []
        self._next_look_at = 0.0
        self._nodes_at = time.monotonic() + NODES_EACH_S
        self._down: set[str] = set()  # names of nodes

    def now(self) -> list[str]:
        """All warnings, newest first; none when nothing answers, as the watches report that."""
        return warnings_of(self._read())

    def unmade(self) -> tuple[str, ...]:
        """Reason why pods could not be made, at most a few seconds old."""
        return tuple(text for text in warnings_of(self._recent()) if text.startswith(UNMADE))[:1]

    def stuck(self, pods: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        """Reason for each of these pods that its node cannot start, at most a few seconds old.

        A pod with later news, such as the pull of its image, is not stuck.
        """
        waiting = {n: pod["spec"]["nodeName"] for n, pod in pods.items() if waits_for_node(pod)}
        if not waiting:
            return {}
        events, down = self._recent(), self._down_nodes()
        reasons = {
            name: _last_word(events, name) or (f"{node} is not Ready" if node in down else None)
            for name, node in waiting.items()
        }
        return {name: reason for name, reason in reasons.items() if reason}

    def _down_nodes(self) -> set[str]:
        """Names of nodes that start nothing; they are only examined once a pod has waited."""
        if time.monotonic() >= self._nodes_at:
            try:
                nodes = self._kube.list(NODE).items
                self._down = {each["metadata"]["name"] for each in nodes if is_down(each)}
            except PartDied:
                raise
            except (ClusterError, ApiException) as err:
                log.debug("the nodes cannot be had: %s", err)
            self._nodes_at = time.monotonic() + NODES_EACH_S  # from the answer's end
        return self._down

    def _recent(self) -> list[dict[str, Any]]:
        if time.monotonic() >= self._next_look_at:
            self._events = self._read()
            self._next_look_at = time.monotonic() + PAUSE_S  # from the answer's end
        return self._events

    def _read(self) -> list[dict[str, Any]]:
        try:
            return events_of(self._kube, self._name, since=self._since())
        except PartDied:
            raise
        except ClusterError as err:
            log.debug("the events about %s cannot be had: %s", self._name, err)
        return []


def _last_word(events: Iterable[dict[str, Any]], pod: str) -> str | None:
    """The newest event of a pod, if its node cannot start it by that."""
    mine = [each for each in events if each["object"] == f"Pod/{pod}"]
    newest = max((str(each["at"] or "") for each in mine), default="")
    last = [each for each in mine if str(each["at"] or "") == newest]
    if not last or not all(_is_stuck(str(each["reason"])) for each in last):
        return None
    return next(iter(warnings_of(last)), None)
