"""The only polling loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Limit:
    """An end that several waits share."""

    def __init__(self, limit_s: float) -> None:
        self._end = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds until the end, negative after it."""
        return self._end - time.monotonic()


def looks(*, limit_s: float, poll_s: float) -> Iterator[None]:
    """A turn for each look: at once, then every `poll_s` seconds, the last at the limit.

    The body returns when it sees what it waits for; the code after the loop handles a timeout.
    """
    end = time.monotonic() + limit_s
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(poll_s)
