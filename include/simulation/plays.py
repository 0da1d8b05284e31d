"""A launcher pod's log while it is written and read, and all such logs by pod."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL_S = 0.05
APPEARS_WITHIN_S = 10.0  # a log may be requested before its pod is known here


class Play:
    """The log of one container: a file that grows until the container ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ended = threading.Event()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")  # output from before a restart of the player does not count

    def write(self, text: str) -> None:
        """Append one line with this machine's clock, like a kubelet."""
        stamp = datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(f"{stamp}000Z {text}\n")

    def read(self, *, follow: bool) -> Iterator[bytes]:
        """The log so far, and with `follow` the rest until the container has ended."""
        with self.path.open("rb") as file:
            while True:
                had_ended = self.ended.is_set()
                while piece := file.read(65536):
                    yield piece
                if had_ended or not follow:
                    return
                self.ended.wait(POLL_S)


class Plays:
    """The plays by pod name, shared by the player and the log server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_pod: dict[str, Play] = {}
        self._lock = threading.Lock()

    def begin(self, pod: str) -> Play | None:
        """A new play for a pod, None when it has one already."""
        with self._lock:
            if pod in self._by_pod:
                return None
            play = self._by_pod[pod] = Play(self._folder / f"{pod}.log")
            return play

    def find(self, pod: str) -> Play | None:
        """The play of a pod, waiting briefly for it to begin."""
        for _ in waiting.looks(limit_s=APPEARS_WITHIN_S, poll_s=POLL_S):
            with self._lock:
                if pod in self._by_pod:
                    return self._by_pod[pod]
        return None
