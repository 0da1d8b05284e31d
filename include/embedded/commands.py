"""Runs other programs: never without a time limit, never with a failure unnoticed."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 15


def run(
    command: Sequence[str | Path],
    *,
    timeout_s: float = 30.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Standard output of a program that ended well.

    ClusterError with the end of its error output when it failed, was not there, or took longer
    than `timeout_s` seconds.
    """
    words = [str(word) for word in command]
    log.debug("running %s", " ".join(words))
    try:
        done = subprocess.run(  # noqa: S603  the words are the project's own
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            cwd=cwd,
            env=dict(environment) if environment is not None else with_system_path(),
            stdin=subprocess.DEVNULL,
        )
    except (FileNotFoundError, PermissionError) as err:  # the latter: a folder on PATH is closed
        msg = f"{words[0]} is not installed or may not be run; try `make setup`"
        raise ClusterError(msg) from err
    except subprocess.TimeoutExpired as err:
        msg = f"`{' '.join(words)}` did not end within {timeout_s:.0f} s"
        raise ClusterError(msg) from err
    if done.returncode != 0:
        msg = f"`{' '.join(words)}` failed ({done.returncode}): {tail(done.stderr or done.stdout)}"
        raise ClusterError(msg)
    return done.stdout


def with_system_path() -> dict[str, str]:
    """This process's environment, with the folders of system programs on PATH."""
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{path}:{SYSTEM_PATH}" if path else SYSTEM_PATH}


def find(program: str) -> str | None:
    """Path of a program on PATH or in the system's folders, None when there is none."""
    return shutil.which(program, path=with_system_path()["PATH"])


def tail(text: str, *, lines: int = TAIL_LINES) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
