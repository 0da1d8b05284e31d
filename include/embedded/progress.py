"""Tells a waiting person how a long step is going: one line per event, with the seconds so far."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]


class Progress:
    """Writes lines that end with the seconds since it was made."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started = time.monotonic()

    def tell(self, line: str) -> None:
        """Say one line."""
        self._say(f"{line}, {self.seconds():.0f} s so far")

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started


def to_terminal(line: str) -> None:
    """Write a line for a person, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
