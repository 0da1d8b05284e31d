"""The one loop in which something is waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def looks(*, limit_s: float, poll_s: float) -> Iterator[None]:
    """A turn for each look: one at once, then one every `poll_s` seconds, the last at the limit.

    The body returns when it sees what it waits for; what follows the loop is what is done when it
    did not come in time.
    """
    end = time.monotonic() + limit_s
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(poll_s)
