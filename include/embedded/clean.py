"""`python -m include.embedded.clean`: removes what the project left on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from include.embedded import removal, simulated_removal, state, whole
from include.embedded.paths import cache_root, simulated_root, state_root
from include.embedded.progress import to_terminal
from include.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove it all and say what it was; exit code 1 when something stays."""
    parser = argparse.ArgumentParser(
        prog="python -m include.embedded.clean",
        description="End the embedded cluster, whichever study's, running or crashed, and remove "
        "its processes, network namespaces, interfaces, cgroups, mounts and files, and what a "
        "killed set-up left half made. The cache of built programs and images stays.",
    )
    parser.add_argument("--study", help="leave the running cluster of any other study alone")
    chosen = parser.parse_args(arguments)
    try:
        removed = remove(chosen.study)
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    for line in [f"removed {name}" for name in removed] or ["nothing to clean"]:
        to_terminal(line)
    return 0


def remove(study_id: str | None) -> tuple[str, ...]:
    """Remove it all and return what it was; BenchmarkError when something stays.

    With a study's id another study's running cluster is left alone.
    """
    return (
        *state.end(
            state_root(),
            study_id=study_id,
            remove=removal.remove_everything,
            leftovers=removal.leftovers,
        ),
        *state.end(
            simulated_root(),
            study_id=study_id,
            remove=simulated_removal.remove,
            leftovers=simulated_removal.leftovers,
        ),
        *(left for folder in ("bin", "image") for left in whole.clean(cache_root() / folder)),
    )


if __name__ == "__main__":
    sys.exit(main())
