"""A client that asks a guard when it gets no answer, so as not to wait for dead parts."""

from __future__ import annotations

import copy
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
        self.is_patient = True

    def once(self) -> GuardedKube:
        """The same client without patience, for what can be done without."""
        other = copy.copy(self)
        other.is_patient = False
        return other

    def in_namespace(self, namespace: str) -> GuardedKube:
        """The same client, guarded too, with another default namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        return other

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
                if not self.is_patient or trouble.lasting():
                    raise
            time.sleep(PAUSE_S)

    def _look(self) -> None:
        try:
            self._guard()
        except PartDied:
            raise
        except ClusterError:
            return
