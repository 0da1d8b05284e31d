"""Runs other programs: always with a time limit, never with a failure unnoticed."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, AnyStr

from include import waiting
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

log = logging.getLogger(__name__)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 15
PROC = Path("/proc")
DEAD_STATES = frozenset("ZX")
KILL_LIMIT_S = 5.0
POLL_S = 0.02


def run(
    command: Sequence[str | Path],
    *,
    timeout_s: float = 30.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Standard output of a program that succeeded.

    ClusterError with the end of its error output when it failed, is missing, or took longer than
    `timeout_s` seconds. Its child processes end with it, also after Ctrl-C.
    """
    words = [str(word) for word in command]
    log.debug("running %s", " ".join(words))
    try:
        process = subprocess.Popen(  # noqa: S603  the words are the project's own
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            env=dict(environment) if environment is not None else with_system_path(),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as err:  # the latter: an unreadable PATH folder
        msg = f"{words[0]} is not installed or may not be run; try `make setup`"
        raise ClusterError(msg) from err
    with process, ended_whole(process):
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as err:
            msg = f"`{' '.join(words)}` did not end within {timeout_s:.0f} s"
            raise ClusterError(msg) from err
    if process.returncode != 0:
        msg = f"`{' '.join(words)}` failed ({process.returncode}): {tail(errors or output)}"
        raise ClusterError(msg)
    return output


@contextmanager
def ended_whole(process: subprocess.Popen[AnyStr]) -> Iterator[None]:
    """Kill a program in its own session with everything it started, if the block fails."""
    try:
        yield
    except BaseException:
        for _ in waiting.looks(limit_s=KILL_LIMIT_S, poll_s=POLL_S):
            if not _is_alive(group=process.pid):
                break
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise


def _is_alive(*, group: int) -> bool:
    """True if a process of the group runs; zombies do not count.

    Fields 3 and 5 of proc(5).
    """
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _parent, of_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state not in DEAD_STATES:
                return True
    return False


def with_system_path() -> dict[str, str]:
    """Environment of this process with the folders of system programs on PATH."""
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{path}:{SYSTEM_PATH}" if path else SYSTEM_PATH}


def find(program: str) -> str | None:
    """Path of a program on PATH or in the system's folders, None when it is missing."""
    return shutil.which(program, path=with_system_path()["PATH"])


def tail(text: str, *, lines: int = TAIL_LINES) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
