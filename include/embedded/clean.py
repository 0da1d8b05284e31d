"""`python -m include.embedded.clean`: removes what the project left on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from include.embedded import removal, simulated_removal, state
from include.embedded.paths import simulated_root, state_root
from include.embedded.progress import to_terminal
from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Names = Callable[[Path], tuple[str, ...]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove it all and say what it was; exit code 1 when something stays."""
    parser = argparse.ArgumentParser(
        prog="python -m include.embedded.clean",
        description="End the embedded cluster, whichever study's, running or crashed, and remove "
        "its processes, network namespaces, interfaces, cgroups, mounts and files. The cache of "
        "built programs and images stays.",
    )
    parser.add_argument("--study", help="leave the running cluster of any other study alone")
    chosen = parser.parse_args(arguments)
    try:
        removed = [
            *_clean(removal.remove_everything, removal.leftovers, state_root(), chosen.study),
            *_clean(
                simulated_removal.remove,
                simulated_removal.leftovers,
                simulated_root(),
                chosen.study,
            ),
        ]
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    for line in [f"removed {name}" for name in removed] or ["nothing to clean"]:
        to_terminal(line)
    return 0


def _clean(remove: Names, leftovers: Names, root: Path, study_id: str | None) -> tuple[str, ...]:
    """What was removed of one kind of cluster, as readable names."""
    if not root.exists() and not leftovers(root):
        return ()
    with state.locked(root):
        current = state.read_or_none(root)
        others = current is not None and study_id not in {None, current.study_id}
        if others and current is not None and current.is_running():
            return ()
        removed = remove(root)
        root.rmdir()
    return removed


if __name__ == "__main__":
    sys.exit(main())
