"""`python -m include.study.teardown`: removes what a killed run left on its cluster.

The study is given by its id and the params of its run, or by the run's note file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include import clusters
from include.embedded.runs import ENDS_HERE, NOTE_VARIABLE
from include.errors import BenchmarkError, StudyError, TeardownError
from include.files import write_whole
from include.models import Study
from include.study import presets
from include.study.plan import read_study, reserve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.models import Plan

NOTHING = "nothing to clean"  # message that bin/demo looks for


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: remove it and print what it was; exit code 1 with what remains, and why."""
    parser = argparse.ArgumentParser(
        prog="python -m include.study.teardown",
        description="Remove what a killed run left on its cluster: jobs, namespace, and "
        "the operator that it installed. Repeating it is harmless.",
    )
    parser.add_argument("study", nargs="?", help="the study's id, as in the log of its plan")
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
    """Note the study in the file named by the environment, if any: its reader awaits the run."""
    if path := os.environ.get(NOTE_VARIABLE):
        noted = {
            "study_id": plan.study_id,
            "study": plan.study.to_json(),
            ENDS_HERE: clusters.load(plan.study.cluster).ends_on_this_machine,
        }
        write_whole(Path(path), json.dumps(noted))


def remove_noted(path: Path) -> tuple[str, ...]:
    """Remove a noted study; nothing for a run that ended before noting one."""
    if not path.exists():
        return ()
    noted = json.loads(path.read_bytes())
    return _remove(noted["study_id"], Study.model_validate(noted["study"]))


def remove(study_id: str, params: str) -> tuple[str, ...]:
    """Delete the study's cluster, or what it made on it; returns what was there.

    StudyError for params that are not a study, ClusterError when the cluster does not answer,
    TeardownError naming what remains.
    """
    try:
        given = json.loads(params)
        study = read_study(presets.fill_in(given, conf=given))
    except (json.JSONDecodeError, AttributeError, TypeError) as err:
        raise StudyError(f"the params are not a JSON object: {err}") from err
    return _remove(study_id, study)


def _remove(study_id: str, study: Study) -> tuple[str, ...]:
    cluster, reservation = clusters.load(study.cluster), reserve(study, study_id=study_id)
    before = cluster.leftovers(reservation)
    cluster.delete(reservation)
    if left := cluster.leftovers(reservation):
        raise TeardownError(f"the cluster {study.cluster} still has {', '.join(left)}")
    return before


if __name__ == "__main__":
    sys.exit(main())
