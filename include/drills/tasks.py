"""A step of a study in its own process, like an Airflow task: it can be killed alone."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from include.drills import clock
from include.errors import Cancelled, ClusterError
from include.study.run_point import NotStored
from include.study.stopping import StudyStopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from include.study.losses import Loss

KILLED = "its process was killed"
LONG_S = 150.0  # a task that takes longer shows what it waits for
STANDARD_ERROR = 2


class How(StrEnum):
    """Ends of a task, by Airflow's next action."""

    DONE = "success"
    RETRIED = "up_for_retry"  # an error: retried if the task has another try
    FAILED = "failed"  # an error that no retry mends


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of one try."""

    how: How
    text: str = ""  # the error; the record's one for a job that ended badly
    value: Any = None
    loss: Loss | None = None  # handed over: the loss of a point


@dataclass(kw_only=True)
class Task:
    """One try of a task. `work` gets a function that reports its progress."""

    work: Callable[[Callable[[str], None]], Any]
    messages: list[tuple[str, float]] = field(default_factory=list)  # with the instants
    ended: Ended | None = None

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._reader, writer = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(self.work, writer))
        self._process.start()
        self.pid = self._process.pid or 0
        writer.close()

    def look(self, *, wait_s: float) -> None:
        """Take its reports, waiting briefly for them; sets `ended` at its end."""
        try:
            while self.ended is None and self._reader.poll(wait_s):
                message = self._reader.recv()
                if isinstance(message, Ended):
                    self.ended = message
                else:
                    self.messages.append((message, time.monotonic()))
                wait_s = 0.0
        except (EOFError, ConnectionResetError):
            self.ended = Ended(how=How.RETRIED, text=KILLED)
        if self.ended is not None:
            self._process.join()
            self._process.close()  # otherwise its descriptor stays open until garbage collection
            self._reader.close()

    def kill(self) -> None:
        """Kill it, as if its machine had died."""
        if self.ended is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _work(work: Callable[[Callable[[str], None]], Any], writer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    faulthandler.dump_traceback_later(LONG_S, file=STANDARD_ERROR)
    clock.prepare_task()
    try:
        value = work(writer.send)
        ended = value if isinstance(value, Ended) else Ended(how=How.DONE, value=value)
    except Exception as err:  # noqa: BLE001  as Airflow does with whatever a task raises
        ended = end_of(err)
    writer.send(ended)
    writer.close()


def end_of(err: Exception) -> Ended:
    """The end of a task that raised the error."""
    if isinstance(err, NotStored):  # the record is handed over all the same
        return Ended(how=How.FAILED, text=_text(err), value=err.record)
    how = How.FAILED if isinstance(err, Cancelled | StudyStopped) else How.RETRIED
    return Ended(how=how, text=_text(err))


def _text(err: Exception) -> str:
    name = "" if isinstance(err, ClusterError | NotStored) else f"{type(err).__name__}: "
    return f"{name}{err}"
