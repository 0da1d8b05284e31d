"""Owner of the cluster on this machine: one file, one lock, one cluster."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from include import waiting
from include.embedded import paths, processes
from include.embedded.processes import HostProcess
from include.errors import ClusterBusy, ClusterError
from include.files import try_lock, write_whole
from include.models import DnsLabel, Model, Positive
from include.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from include.embedded.layout import Layout
    from include.models import Reservation

    Named = Callable[[Path], tuple[str, ...]]  # readable names of a state folder's content

log = logging.getLogger(__name__)
POLL_S = 0.1
LOCK_LIMIT_S = 180.0
STATE_FILE = "state.json"


class ClusterState(Model):
    """State of the started cluster, kept in `state.json`."""

    study_id: DnsLabel
    namespace: DnsLabel
    nodes: Positive
    api_address: str
    started_at: AwareDatetime
    expires_at: AwareDatetime
    processes: tuple[HostProcess, ...] = ()
    is_complete: bool = False  # all processes have been started
    notes: tuple[str, ...] = ()
    checkout: str = ""  # the project folder that made it; empty: an earlier version's
    control_plane_s: float | None = None  # start until ready

    @classmethod
    def of(
        cls, reservation: Reservation, *, api_address: str, notes: tuple[str, ...]
    ) -> ClusterState:
        """The state of a cluster with nothing started yet."""
        return cls(
            study_id=reservation.study_id,
            namespace=reservation.namespace,
            nodes=reservation.nodes,
            api_address=api_address,
            started_at=datetime.now(UTC),
            expires_at=reservation.expires_at,
            notes=notes,
            checkout=str(ROOT),
        )

    def with_process(self, process: HostProcess) -> ClusterState:
        """The state with one more process, replacing one of the same name."""
        others = tuple(known for known in self.processes if known.name != process.name)
        return self.model_copy(update={"processes": (*others, process)})

    def without_process(self, name: str) -> ClusterState:
        """The state without the process of that name."""
        others = tuple(known for known in self.processes if known.name != name)
        return self.model_copy(update={"processes": others})

    def process(self, name: str) -> HostProcess | None:
        """The process of that name, None when there is none."""
        return next((known for known in self.processes if known.name == name), None)

    def dead(self) -> tuple[HostProcess, ...]:
        """Processes that should run and do not, including those stopped by a signal."""
        return tuple(known for known in self.processes if not processes.is_at_work(known))

    @property
    def is_of_another_checkout(self) -> bool:
        """True if it was made by another folder of the project that still exists."""
        return self.checkout not in {"", str(ROOT)} and Path(self.checkout).is_dir()

    def is_running(self) -> bool:
        """True if any process of the cluster is alive."""
        return any(map(processes.is_alive, self.processes))


def read(root: Path) -> ClusterState | None:
    """The state kept in a state folder; None when there is none.

    ClusterError when the file is not one of this version.
    """
    path = root / STATE_FILE
    try:
        return ClusterState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as err:
        msg = f"{path} was not written by this version; run `make clean`, then try again: {err}"
        raise ClusterError(msg) from err


def read_or_none(root: Path) -> ClusterState | None:
    """The state, or None when there is no readable one: for removal, which needs none."""
    try:
        return read(root)
    except ClusterError as err:
        log.warning("%s", err)
        return None


def write(layout: Layout, state: ClusterState) -> None:
    """Store the state atomically."""
    write_whole(layout.state_file, state.model_dump_json(indent=2))


def refuse_other_study(state: ClusterState | None, *, root: Path, study_id: str) -> None:
    """ClusterBusy when another study's cluster runs in the state folder, which holds only one."""
    if state is None or state.study_id == study_id or not state.is_running():
        return
    raise ClusterBusy(f"{_running(state, root)}; there is room for one")


def _running(state: ClusterState, root: Path) -> str:
    """Sentence on whose cluster is running, and how to end it."""
    kind = "simulated" if root.name.endswith(paths.SIMULATED) else "local"
    return (
        f"the {kind} cluster of study {state.study_id} is running on this machine (since "
        f"{state.started_at:%Y-%m-%d %H:%M} UTC, expires {state.expires_at:%Y-%m-%d %H:%M} UTC, "
        f"kept in {root}): wait for its end, or end it with "
        f"`{paths.end_command(root, checkout=state.checkout)}`"
    )


def require(root: Path, *, study_id: str) -> ClusterState:
    """The state of the study's cluster; ClusterError when there is none or another study's."""
    current = read(root)
    if current is None or current.study_id != study_id:
        msg = f"study {study_id} has no cluster on this machine (in {root}); create it first"
        raise ClusterError(msg)
    return current


def end(root: Path, *, study_id: str | None, remove: Named, leftovers: Named) -> tuple[str, ...]:
    """Remove a study's cluster with its folder, and return what it was; harmless when repeated.

    Another study's running cluster is left alone; with None, one of another checkout raises
    ClusterBusy. A study without state here has made nothing, whatever exists on the machine.
    Errors of `remove` pass through.
    """
    if not root.exists() and (study_id is not None or not leftovers(root)):
        return ()
    with locked(root):
        current = read_or_none(root)
        if current is not None and current.is_running():
            if study_id is None and current.is_of_another_checkout:
                raise ClusterBusy(_running(current, root))
            if study_id not in {None, current.study_id}:
                log.warning("the cluster of study %s is running; left alone", current.study_id)
                return ()
        if current is None and study_id is not None and not _is_unreadable(root):
            if not any(root.iterdir()):
                root.rmdir()
            return ()
        removed = remove(root)
        root.rmdir()
    return removed


def empty(root: Path) -> None:
    """Remove what is in the folder, as far as that can be; whoever calls it looks what stays.

    The file of the state goes last, and stays while anything else does: with it the next removal
    knows whose that is.
    """
    for path in root.iterdir() if root.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != STATE_FILE:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    if root.is_dir() and {path.name for path in root.iterdir()} == {STATE_FILE}:
        with suppress(OSError):
            (root / STATE_FILE).unlink()


def _is_unreadable(root: Path) -> bool:
    return (root / STATE_FILE).exists()


@contextmanager
def locked(root: Path, *, timeout_s: float = LOCK_LIMIT_S) -> Iterator[None]:
    """Hold the state folder, making it if missing; ClusterError when another process holds it.

    The lock is on the folder itself, so that it ends with its holder and leaves no file.
    """
    for _ in waiting.looks(limit_s=timeout_s, poll_s=POLL_S):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if try_lock(descriptor) and _is_still(root, descriptor):
                root.chmod(0o700)
                yield
                return
        finally:
            os.close(descriptor)
    msg = (
        f"another process has been starting or ending the local cluster in {root} for "
        f"{timeout_s:.0f} s; wait for it or end it, then run `make clean`"
    )
    raise ClusterError(msg)


def _is_still(root: Path, descriptor: int) -> bool:
    """True if the locked folder still has that name: it may have been removed."""
    try:
        named = root.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)
