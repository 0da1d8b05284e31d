"""`python -m include.study.teardown STUDY PARAMS`: removes what a run that was killed left behind.

For a cluster that is not of this machine: its kubeconfig, context and namespace are in the params.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from include import clusters
from include.errors import BenchmarkError, StudyError, TeardownError
from include.study import presets
from include.study.plan import read_study

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "nothing to clean"  # as bin/demo looks for


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove it and say what it was; exit code 1 with what stays, and why."""
    parser = argparse.ArgumentParser(
        prog="python -m include.study.teardown",
        description="Remove from its cluster what a run left that was killed: jobs, namespace, and "
        "the operator that it installed. Repeating it is harmless.",
    )
    parser.add_argument("study", help="the study's id, as the log of its plan names it")
    parser.add_argument("params", help="the params that the run was given, a JSON object")
    chosen = parser.parse_args(arguments)
    try:
        removed = remove(chosen.study, chosen.params)
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    for line in [f"removed {name}" for name in removed] or [NOTHING]:
        sys.stdout.write(f"{line}\n")
    return 0


def remove(study_id: str, params: str) -> tuple[str, ...]:
    """Delete the study's cluster, or what it made on it; returns what was there.

    StudyError for params that are no study, ClusterError when the cluster does not answer,
    TeardownError naming what stays.
    """
    try:
        given = json.loads(params)
        study = read_study(presets.fill_in(given, conf=given))
    except (json.JSONDecodeError, AttributeError, TypeError) as err:
        raise StudyError(f"the params are not a JSON object: {err}") from err
    cluster = clusters.load(study.cluster)
    reservation = cluster.reserve(study, study_id=study_id)
    before = cluster.leftovers(reservation)
    cluster.delete(reservation)
    if left := cluster.leftovers(reservation):
        raise TeardownError(f"the cluster {study.cluster} still has {', '.join(left)}")
    return before


if __name__ == "__main__":
    sys.exit(main())
