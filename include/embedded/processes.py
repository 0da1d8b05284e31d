"""Processes that outlive their starter and are never mistaken for others.

A pid alone does not identify a process, as pids are reused. A process is identified by its pid, the
kernel's start tick and the boot.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from include import k8s_operators, waiting
from include.embedded.commands import DEAD_STATES, PROC, SYSTEM_PATH, tail
from include.errors import ClusterError
from include.models import Model
from include.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

log = logging.getLogger(__name__)
STOPPED_STATES = frozenset("Tt")  # by a signal, or by a debugger
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
POLL_S = 0.03
STOP_GRACE_S = 5.0
KILL_LIMIT_S = 10.0
COMMAND_NAME_LENGTH = 15  # characters of a program's name kept by the kernel


def controller_names() -> frozenset[str]:
    """Names of all controllers' processes, as the kernel shows them."""
    controllers = k8s_operators.controllers(k8s_operators.available())
    return frozenset(each.name[:COMMAND_NAME_LENGTH] for each in controllers)


class HostProcess(Model):
    """One started process."""

    name: str
    pid: int
    start_ticks: int  # field 22 of /proc/<pid>/stat
    boot_id: str
    log: str  # path of its output


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log_file: Path,
    environment: Mapping[str, str] | None = None,
) -> HostProcess:
    """Start a program in its own session with its output in a file, and return its identity.

    Its environment is PATH and what is given, so that no secret reaches it.
    """
    words = [str(word) for word in command]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log.debug("starting %s: %s", name, " ".join(words))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log_file), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    )
    variables = {"PATH": SYSTEM_PATH, **(environment or {})}
    # Not subprocess: its objects must be waited for, and these processes stay.
    try:
        pid = os.posix_spawnp(words[0], words, variables, file_actions=actions, setsid=True)
    except OSError as err:
        msg = f"{name} cannot be started from {words[0]}: {err.strerror}; run `make setup`"
        raise ClusterError(msg) from err
    ticks = start_ticks(pid)
    if ticks is None:
        msg = f"{name} ended at once: {log_tail(log_file)}"
        raise ClusterError(msg)
    return HostProcess(name=name, pid=pid, start_ticks=ticks, boot_id=boot_id(), log=str(log_file))


def boot_id() -> str:
    """The kernel's name for this boot."""
    return BOOT_ID.read_text().strip()


def start_ticks(pid: int) -> int | None:
    """Clock ticks from boot to the start of a living process; None when it is gone.

    One whose first thread has ended lives as long as its other threads: they hold its sockets.
    """
    if (fields := _fields(pid)) is None:
        return None
    state, threads, ticks = fields[0], int(fields[17]), int(fields[19])  # 3, 20 and 22 of proc(5)
    return None if state in DEAD_STATES and threads <= 1 else ticks


def _fields(pid: int) -> list[str] | None:
    """Fields of proc(5) from the third on, None when there is no such process."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()  # the name before it may contain anything


def is_alive(process: HostProcess) -> bool:
    """True if exactly that process is still running."""
    _reap(process.pid)
    return start_ticks(process.pid) == process.start_ticks and boot_id() == process.boot_id


def is_stopped(process: HostProcess) -> bool:
    """True if it lives but does nothing until it gets a SIGCONT."""
    fields = _fields(process.pid)
    return fields is not None and fields[0] in STOPPED_STATES and is_alive(process)


def is_at_work(process: HostProcess) -> bool:
    """True if it lives and is not stopped."""
    return is_alive(process) and not is_stopped(process)


def wait_for(
    what: str,
    check: Callable[[], bool],
    *,
    needs: Iterable[HostProcess] = (),
    timeout_s: float,
) -> None:
    """Wait until `check` holds; ClusterError when time is up or a needed process has died."""
    watched = tuple(needs)
    for _ in waiting.looks(limit_s=timeout_s, poll_s=POLL_S):
        if check():
            return
        for process in watched:
            if not is_alive(process):
                raise ClusterError(died(process))
    logs = "\n".join(f"{p.name}: {log_tail(Path(p.log))}" for p in watched[-1:])
    raise ClusterError(f"{what} was not ready within {timeout_s:.0f} s. {logs}")


def died(process: HostProcess) -> str:
    """Message about a process that should be running: the end of its log and what to do."""
    return (
        f"{process.name} (pid {process.pid}) has died; run `make clean` and try again. "
        f"The end of {process.log}:\n{log_tail(Path(process.log))}"
    )


def log_tail(path: Path) -> str:
    """The last lines of a log file, without secrets: a controller may log everything it makes."""
    try:
        return tail(redact(path.read_text(errors="replace")))
    except OSError as err:
        return f"(no log: {err.strerror})"


def stop(processes: Iterable[HostProcess], *, grace_s: float = STOP_GRACE_S) -> None:
    """Ask the processes to end; kill those that remain after `grace_s` seconds."""
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        _send(process.pid, signal.SIGTERM)
    alive = _until_dead(alive, timeout_s=grace_s)
    kill(alive)


def kill(processes: Iterable[HostProcess]) -> None:
    """Kill the processes and wait until they are gone."""
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        _send(process.pid, signal.SIGKILL)
    _until_dead(alive, timeout_s=KILL_LIMIT_S)


def identify(pid: int, *, name: str) -> HostProcess | None:
    """The process with that pid, None when it is gone."""
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    return HostProcess(name=name, pid=pid, start_ticks=ticks, boot_id=boot_id(), log="/dev/null")


def _until_dead(processes: list[HostProcess], *, timeout_s: float) -> list[HostProcess]:
    alive = processes
    for _ in waiting.looks(limit_s=timeout_s, poll_s=POLL_S):
        alive = [process for process in alive if is_alive(process)]
        if not alive:
            break
    return alive


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    """Collect the exit status of our own child, so that it does not remain a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
