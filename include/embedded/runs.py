"""Runs of `bin/demo` whose starter was killed, found by the file in which each notes its study.

The file's name holds the starter's pid and start tick; its path is in the environment of every
process of the run. Whoever finds such a file without its starter has to clean up after it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded import processes
from include.embedded.commands import PROC
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.embedded.processes import HostProcess

log = logging.getLogger(__name__)
NOTE_VARIABLE = "OPERATOR_BENCHMARK_STUDY_NOTE"  # the file in which a run notes its study
HOMES_VARIABLE = "OPERATOR_BENCHMARK_HOMES"
HOME = "test-run"  # the Airflow home of such runs
_NOTE = re.compile(r"study-(?P<pid>[0-9]+)-(?P<start_ticks>[0-9]+)\.json")
ROUNDS = 5  # killing a parent may reveal a child that has just started
ENDS_HERE = "ends_on_this_machine"  # in a note: its cluster ends with what is removed here


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A run whose starter is gone."""

    note: Path
    processes: tuple[HostProcess, ...]

    @property
    def cluster(self) -> str | None:
        """The cluster of its study; None if it had not named one yet, and made nothing."""
        try:
            return str(json.loads(self.note.read_bytes())["study"]["cluster"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def ends_here(self) -> bool:
        """True if nothing of its study is elsewhere."""
        try:
            return bool(json.loads(self.note.read_bytes())[ENDS_HERE])
        except (OSError, ValueError, KeyError, TypeError):
            return self.cluster is None


def end_orphans() -> tuple[str, ...]:
    """End orphaned runs on this machine's clusters; returns what was ended.

    A run on a cluster elsewhere goes on: only it will remove what it made there.
    """
    ended: list[str] = []
    for run in _orphans(home()):
        if run.ends_here:
            ended += _end(run)
            continue
        if run.processes:
            state = f"goes on by itself (pid {run.processes[0].pid}) and removes what it made"
        else:
            state = f"is over; see `python -m include.study.teardown --noted {run.note}`"
        log.warning("a run on cluster %s whose starter was killed %s", run.cluster, state)
    return tuple(ended)


def _end(run: Orphan) -> list[str]:
    """Kill the run's processes, including those it starts meanwhile."""
    ended = []
    for _ in range(ROUNDS):
        if not (alive := _of_run(run.note)):
            break
        processes.kill(alive)
        ended += [f"process {each.name} (pid {each.pid})" for each in alive]
    run.note.unlink(missing_ok=True)
    return ended


def home() -> Path:
    """The Airflow home of this checkout's runs."""
    return Path(os.environ.get(HOMES_VARIABLE) or ROOT / ".airflow").resolve() / HOME


def _orphans(folder: Path) -> Iterator[Orphan]:
    for note in _notes(folder):
        match = _NOTE.fullmatch(note.name)
        if match is None:
            continue
        if processes.start_ticks(int(match["pid"])) != int(match["start_ticks"]):
            yield Orphan(note=note, processes=_of_run(note))


def _notes(folder: Path) -> set[Path]:
    """Notes on disk, and those that runs are still going to write."""
    living = {Path(path) for path in _noting().values()}
    return {*folder.glob("study-*.json"), *(path for path in living if path.parent == folder)}


def _of_run(note: Path) -> tuple[HostProcess, ...]:
    pids = sorted(pid for pid, path in _noting().items() if path == str(note))
    identified = (processes.identify(pid, name="of a killed run") for pid in pids)
    return tuple(process for process in identified if process is not None)


def _noting() -> dict[int, str]:
    """The note's path by pid, for every process that is part of a run."""
    mark = f"{NOTE_VARIABLE}=".encode()
    noting = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for word in (folder / "environ").read_bytes().split(b"\0"):
                if word.startswith(mark) and int(folder.name) != os.getpid():
                    noting[int(folder.name)] = os.fsdecode(word.removeprefix(mark))
    return noting
