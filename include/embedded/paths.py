"""Where the embedded cluster keeps its things: what is built once, and what is running now."""

from __future__ import annotations

import os
from pathlib import Path

from include.project import ROOT, cache_dir

TOOLS = ROOT / "tools"
STATE_VARIABLE = "OPERATOR_BENCHMARK_STATE"
ROOT_STATE = Path("/var/lib/operator-benchmark")


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
    """Folder of the running simulated cluster, beside the other's: both may run at once."""
    root = state_root()
    return root.with_name(f"{root.name}-simulated")
