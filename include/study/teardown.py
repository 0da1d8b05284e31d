"""`python -m include.study.teardown`: removes what a run that was killed left on its cluster.

The study is given by its id and the params of its run, or by the file that the run noted it in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include import clusters
from include.errors import BenchmarkError, StudyError, TeardownError
from include.models import Study
from include.study import presets
from include.study.plan import read_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import Plan

NOTE_VARIABLE = "OPERATOR_BENCHMARK_STUDY_NOTE"  # the file in which a run notes its study
NOTHING = "nothing to clean"  # message that bin/demo looks for


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove it and say what it was; exit code 1 with what stays, and why."""
    parser = argparse.ArgumentParser(
        prog="python -m include.study.teardown",
        description="Remove from its cluster what a run left that was killed: jobs, namespace, and "
        "the operator that it installed. Repeating it is harmless.",
    )
    parser.add_argument("study", nargs="?", help="the study's id, as the log of its plan names it")
    parser.add_argument("params", nargs="?", help="the params of its run, a JSON object")
    parser.add_argument("--noted", type=Path, help=f"instead of both: the file of {NOTE_VARIABLE}")
    chosen = parser.parse_args(arguments)
    if (chosen.noted is None) == (chosen.study is None or chosen.params is None):
        parser.error("give STUDY and PARAMS, or --noted alone")
    try:
        removed = (
            remove_noted(chosen.noted) if chosen.noted else remove(chosen.study, chosen.params)
        )
    except BenchmarkError as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    for line in [f"removed {name}" for name in removed] or [NOTHING]:
        sys.stdout.write(f"{line}\n")
    return 0


def note(plan: Plan) -> None:
    """Note the study in the file that the environment names; without one nobody waits for it."""
    if path := os.environ.get(NOTE_VARIABLE):
        noted = {"study_id": plan.study_id, "study": plan.study.to_json()}
        Path(path).write_text(json.dumps(noted))


def remove_noted(path: Path) -> tuple[str, ...]:
    """As `remove`, for a noted study; nothing for a run that ended before it noted one."""
    if not path.exists():
        return ()
    noted = json.loads(path.read_bytes())
    return _remove(noted["study_id"], Study.model_validate(noted["study"]))


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
    return _remove(study_id, study)


def _remove(study_id: str, study: Study) -> tuple[str, ...]:
    cluster = clusters.load(study.cluster)
    reservation = cluster.reserve(study, study_id=study_id)
    before = cluster.leftovers(reservation)
    cluster.delete(reservation)
    if left := cluster.leftovers(reservation):
        raise TeardownError(f"the cluster {study.cluster} still has {', '.join(left)}")
    return before


if __name__ == "__main__":
    sys.exit(main())
