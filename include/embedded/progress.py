"""Reports the progress of a long step: one line per event, with the seconds so far."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING

from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Say = Callable[[str], None]


class Progress:
    """Writes lines that end with the seconds since its creation."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started = time.monotonic()

    def tell(self, line: str) -> None:
        """Write one line."""
        self._say(f"{line}, {self.seconds():.0f} s so far")

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started


def to_terminal(line: str) -> None:
    """Write a line for the user, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_program(
    step: Callable[[Progress], str | None],
    arguments: Sequence[str] | None,
    *,
    module: str,
    description: str,
) -> int:
    """Run one long step from a command line without options; print what it returns, if anything.

    The exit code: 0, or 1 with the reason when the step raises a BenchmarkError. On SIGTERM it
    leaves nothing unfinished, as after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.parse_args(arguments)
    progress = Progress(to_terminal)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        outcome = step(progress)
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
    if outcome is not None:
        progress.tell(outcome)
    return 0


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)  # exit code as a shell reports it
