"""A client that asks a guard when it gets no answer, so as not to wait for dead parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from include.errors import ClusterError, PartDied
from include.kube.answers import Refused
from include.kube.client import Kube
from include.kube.follower import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3.response import BaseHTTPResponse

ONE_ANSWER_S = 5.0  # reports a dead part within ten seconds
PAUSE_S = 0.5


class GuardedKube(Kube):
    """Retries for as long as the patient client, but checks the cluster before each try.

    `guard` raises any problem of the cluster. PartDied ends the request, and so does anything but a
    ClusterError; mere silence is tolerated until it has lasted too long.
    """

    def __init__(self, kube: Kube, guard: Callable[[], None]) -> None:
        hasty = kube.asking_once()
        super().__init__(hasty.api, namespace=hasty.namespace)
        self._guard = guard

    def request(
        self, method: str, path: str, *, timeout_s: float = ONE_ANSWER_S, **details: Any
    ) -> BaseHTTPResponse:
        """One call, unread, as in `Kube.request`."""
        trouble = Trouble()
        while True:
            try:
                return super().request(method, path, timeout_s=timeout_s, **details)
            except Refused:
                raise
            except ClusterError as err:
                trouble.note(err)
                self._look()
                if trouble.lasting():
                    raise
            time.sleep(PAUSE_S)

    def _look(self) -> None:
        try:
            self._guard()
        except PartDied:
            raise
        except ClusterError:
            return
