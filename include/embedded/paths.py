"""Paths of the embedded cluster: the build cache and the running cluster's state."""

from __future__ import annotations

import os
from pathlib import Path

from include.project import ROOT, cache_dir

TOOLS = ROOT / "tools"
STATE_VARIABLE = "OPERATOR_BENCHMARK_STATE"
ROOT_STATE = Path("/var/lib/operator-benchmark")
SIMULATED = "-simulated"  # ending of the folder of a simulated cluster


def cache_root() -> Path:
    """Folder of built programs and images, absolute."""
    return cache_dir().resolve()


def state_root() -> Path:
    """Folder of the running cluster: `OPERATOR_BENCHMARK_STATE`, or one per machine for root.

    Without root it is below the user's own state folder.
    """
    if given := os.environ.get(STATE_VARIABLE):
        return Path(given).resolve()
    if os.geteuid() == 0:
        return ROOT_STATE
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "operator-benchmark"


def simulated_root() -> Path:
    """Folder of the running simulated cluster, separate from the other's: both may run at once."""
    root = state_root()
    return root.with_name(f"{root.name}{SIMULATED}")


def end_command(root: Path, *, checkout: str = "") -> str:
    """The command that ends the cluster kept in a state folder, which it names.

    `checkout` is the project folder that made the cluster; it can only be ended from there.
    """
    base = root.with_name(root.name.removesuffix(SIMULATED))
    place = f"-C {checkout} " if checkout not in {"", str(ROOT)} else ""
    return f"{STATE_VARIABLE}={base} make {place}clean"
