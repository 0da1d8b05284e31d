"""Whose cluster runs on this machine: one file, one lock, one cluster."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from include import waiting
from include.embedded import processes
from include.embedded.processes import HostProcess
from include.errors import ClusterBusy, ClusterError
from include.files import try_lock, write_whole
from include.models import DnsLabel, Model, Positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from include.embedded.layout import Layout
    from include.models import Reservation

    Named = Callable[[Path], tuple[str, ...]]  # readable names of a state folder's content

log = logging.getLogger(__name__)
POLL_S = 0.1
LOCK_LIMIT_S = 180.0
STATE_FILE = "state.json"


class ClusterState(Model):
    """The state of the cluster that was started, kept in `state.json`."""

    study_id: DnsLabel
    namespace: DnsLabel
    nodes: Positive
    api_address: str
    started_at: AwareDatetime
    expires_at: AwareDatetime
    processes: tuple[HostProcess, ...] = ()
    is_complete: bool = False  # all processes have been started
    notes: tuple[str, ...] = ()
    control_plane_s: float | None = None  # start until ready

    @classmethod
    def of(
        cls, reservation: Reservation, *, api_address: str, notes: tuple[str, ...]
    ) -> ClusterState:
        """The state of a cluster of which nothing is started yet."""
        return cls(
            study_id=reservation.study_id,
            namespace=reservation.namespace,
            nodes=reservation.nodes,
            api_address=api_address,
            started_at=datetime.now(UTC),
            expires_at=reservation.expires_at,
            notes=notes,
        )

    def with_process(self, process: HostProcess) -> ClusterState:
        """The state with one more process; one of the same name is replaced."""
        others = tuple(known for known in self.processes if known.name != process.name)
        return self.model_copy(update={"processes": (*others, process)})

    def without_process(self, name: str) -> ClusterState:
        """The state less the process of that name."""
        others = tuple(known for known in self.processes if known.name != name)
        return self.model_copy(update={"processes": others})

    def process(self, name: str) -> HostProcess | None:
        """The process of that name, None when there is none."""
        return next((known for known in self.processes if known.name == name), None)

    def dead(self) -> tuple[HostProcess, ...]:
        """Processes that should run and do not."""
        return tuple(known for known in self.processes if not processes.is_alive(known))

    def is_running(self) -> bool:
        """True if any process of the cluster is alive."""
        return len(self.dead()) < len(self.processes)


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
    """The state, or None when there is none that can be read: for removal, which needs none."""
    try:
        return read(root)
    except ClusterError as err:
        log.warning("%s", err)
        return None


def write(layout: Layout, state: ClusterState) -> None:
    """Keep the state, whole or not at all."""
    write_whole(layout.state_file, state.model_dump_json(indent=2))


def refuse_other_study(
    state: ClusterState | None, *, root: Path, study_id: str, kind: str = "local"
) -> None:
    """ClusterBusy when another study's cluster runs in the state folder: there is room for one."""
    if state is None or state.study_id == study_id or not state.is_running():
        return
    msg = (
        f"the {kind} cluster of study {state.study_id} is running on this machine (since "
        f"{state.started_at:%Y-%m-%d %H:%M} UTC, expires {state.expires_at:%Y-%m-%d %H:%M} UTC, "
        f"kept in {root}), and there is room for one; wait for its end, or end it with "
        f"`make clean` where it began"
    )
    raise ClusterBusy(msg)


def require(root: Path, *, study_id: str) -> ClusterState:
    """The state of the study's cluster; ClusterError when there is none or another study's."""
    current = read(root)
    if current is None or current.study_id != study_id:
        msg = f"study {study_id} has no cluster on this machine (in {root}); create it first"
        raise ClusterError(msg)
    return current


def end(root: Path, *, study_id: str | None, remove: Named, leftovers: Named) -> tuple[str, ...]:
    """Remove a study's cluster with its folder, and return what it was; harmless when repeated.

    Another study's running cluster is left alone; with None, none is. A study that has no state
    here has made nothing, whatever there is on the machine. What `remove` raises passes through.
    """
    if not root.exists() and (study_id is not None or not leftovers(root)):
        return ()
    with locked(root):
        current = read_or_none(root)
        if (
            current is not None
            and study_id not in {None, current.study_id}
            and current.is_running()
        ):
            log.warning("the cluster of study %s is running; left alone", current.study_id)
            return ()
        if current is None and study_id is not None and not _is_unreadable(root):
            if not any(root.iterdir()):
                root.rmdir()
            return ()
        removed = remove(root)
        root.rmdir()
    return removed


def _is_unreadable(root: Path) -> bool:
    return (root / STATE_FILE).exists()


@contextmanager
def locked(root: Path, *, timeout_s: float = LOCK_LIMIT_S) -> Iterator[None]:
    """Hold the state folder, making it when it is not there; ClusterError when another holds it.

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
