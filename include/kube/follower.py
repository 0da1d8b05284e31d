"""A background thread that reads a stream, and does not die silently."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from include import waiting
from include.kube.answers import AccessRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urllib3.response import BaseHTTPResponse

log = logging.getLogger(__name__)
REFUSED_S = 15.0  # refusals lasting this long do not pass
UNANSWERED_S = 45.0  # time for an API server to be replaced
STOP_S = 2.0


class Trouble:
    """Start and cause of a thread's lack of usable answers; thread-safe by its single tuple."""

    def __init__(self) -> None:
        self._first: tuple[float, Exception] | None = None

    def note(self, err: Exception) -> None:
        """Note a fault; refusals of the credential have their own start time."""
        refused = isinstance(err, AccessRefused)
        if self._first is None or refused != isinstance(self._first[1], AccessRefused):
            self._first = (time.monotonic(), err)

    def end(self) -> None:
        """Note that all is well."""
        self._first = None

    @property
    def last(self) -> Exception | None:
        """The current fault, None without one."""
        first = self._first
        return first[1] if first else None

    def lasting(self) -> Exception | None:
        """A fault that has lasted too long to pass by itself, None without one."""
        if self._first is None:
            return None
        since, err = self._first
        limit_s = REFUSED_S if isinstance(err, AccessRefused) else UNANSWERED_S
        return err if time.monotonic() - since > limit_s else None


class Follower(threading.Thread):
    """A thread that reads one stream at a time and can be stopped in the middle.

    `failure` is what ended it prematurely: whoever waits for it must check it.
    """

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.trouble = Trouble()
        self.failure: Exception | None = None
        self.stopping = threading.Event()
        self._response: BaseHTTPResponse | None = None

    @abstractmethod
    def attend(self) -> None:
        """The work of the thread."""

    def run(self) -> None:
        """Do the work, and keep its failure: nobody sees an error that ends a thread."""
        try:
            self.attend()
        except Exception as err:  # noqa: BLE001  it is raised by who waits for the thread
            self.failure = err

    def note_trouble(self, text: str, name: str, err: Exception) -> None:
        """Note a fault, and log it once while it stays the same."""
        is_news = str(err) != str(self.trouble.last)
        log.log(logging.WARNING if is_news else logging.DEBUG, text, name, err)
        self.trouble.note(err)

    def stop(self) -> None:
        """End the stream and wait briefly for the thread."""
        stop_all((self,))

    def interrupt(self) -> None:
        """Let the thread end, and wake a read that is waiting for the server."""
        self.stopping.set()
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, RuntimeError):
                response.shutdown()

    @contextmanager
    def reading(self, response: BaseHTTPResponse) -> Iterator[BaseHTTPResponse]:
        """Register the response for `stop`, which may have been called while it was opened."""
        self._response = response
        try:
            if self.stopping.is_set():
                response.shutdown()
            yield response
        finally:
            self._response = None
            response.close()


def stop_all(threads: Sequence[Follower]) -> None:
    """End the streams and wait briefly for the threads, all together.

    One that waits for the first word of a silent server cannot be woken; it ends by itself.
    """
    for thread in threads:
        thread.interrupt()
    limit = waiting.Limit(STOP_S)
    for thread in threads:
        if thread.is_alive():
            thread.join(timeout=max(0.0, limit.left_s))
