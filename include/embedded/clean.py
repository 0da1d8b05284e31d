"""`python -m include.embedded.clean`: removes what the project left on this machine."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from include.embedded import owner, removal, runs, simulated_removal, state, whole
from include.embedded.paths import cache_root, simulated_root, state_root
from include.embedded.progress import to_terminal
from include.errors import BenchmarkError, TeardownError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove everything and print what it was; exit code 1 when something remains."""
    parser = argparse.ArgumentParser(
        prog="python -m include.embedded.clean",
        description="End this checkout's cluster, of any study, running or crashed, and its "
        "runs whose starter was killed, and remove processes, network namespaces, interfaces, "
        "cgroups, mounts and files, and what a killed setup left unfinished. The cache of built "
        "programs and images stays.",
    )
    parser.add_argument("--study", help="leave other studies' running clusters alone")
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
    """Remove everything and return what it was; TeardownError when something remains.

    With a study's id another study's running cluster is left alone, and so are killed runs.
    """
    steps = (
        *(() if study_id else (runs.end_orphans,)),  # first, as they would restart parts
        partial(_end_local, study_id),
        partial(_end_simulated, study_id),
        _remove_half_made,
    )
    removed: list[str] = []
    complaints: list[str] = []
    for step in steps:
        try:
            removed += step()
        except BenchmarkError as err:
            complaints.append(str(err))
    if complaints:
        raise TeardownError("\n".join([*complaints, *(f"removed {name}" for name in removed)]))
    return tuple(removed)


def _end_local(study_id: str | None) -> tuple[str, ...]:
    with owner.locked():
        return state.end(
            state_root(),
            study_id=study_id,
            remove=removal.remove_everything,
            leftovers=removal.leftovers,
        )


def _end_simulated(study_id: str | None) -> tuple[str, ...]:
    return state.end(
        simulated_root(),
        study_id=study_id,
        remove=simulated_removal.remove,
        leftovers=simulated_removal.leftovers,
    )


def _remove_half_made() -> tuple[str, ...]:
    """Remove what a killed setup left in the cache."""
    return tuple(left for folder in ("bin", "image") for left in whole.clean(cache_root() / folder))


if __name__ == "__main__":
    sys.exit(main())
