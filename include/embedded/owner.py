"""Who has the machine's one local cluster, whichever state folder it is kept in.

Network namespaces, interfaces and control groups are the machine's, not a state folder's: who
removes them by their names must know whose they are.
"""

from __future__ import annotations

from pathlib import Path

from include.embedded import state
from include.errors import ClusterBusy
from include.files import write_whole

FILE = Path("/run/operator-benchmark/local-owner")  # holds a state folder; gone with the boot


def claim(root: Path) -> None:
    """Say that the cluster is kept in this folder; ClusterBusy when another one's lives."""
    refuse_other(root)
    FILE.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_whole(FILE, f"{root}\n")


def release(root: Path) -> None:
    """Say that there is none any more, if it was this folder's."""
    if _owner() == root:
        FILE.unlink(missing_ok=True)


def refuse_other(root: Path) -> None:
    """ClusterBusy when a cluster that is kept in another state folder lives on this machine."""
    owner = _owner()
    if owner is None or owner == root:
        return
    current = state.read_or_none(owner)
    if current is None or not current.is_running():
        return
    msg = (
        f"the local cluster of study {current.study_id} is running on this machine, kept in "
        f"another state folder: wait for its end, or end it with "
        f"`OPERATOR_BENCHMARK_STATE={owner} make clean`"
    )
    raise ClusterBusy(msg)


def _owner() -> Path | None:
    try:
        return Path(FILE.read_text().strip())
    except FileNotFoundError:
        return None
