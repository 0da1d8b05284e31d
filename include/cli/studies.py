"""`opbench check` and `opbench run`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from include.cli.study_input import read_params
from include.cost.estimate import estimate_plan
from include.errors import StudyError
from include.project import ROOT
from include.study.outline import effective, outline

if TYPE_CHECKING:
    import argparse

DEMO = ROOT / "bin" / "demo"


def check(given: argparse.Namespace) -> int:
    """Say what the study comes to; StudyError with a line for each thing that is wrong."""
    params = read_params(given.study, changes=given.set)
    plan = effective(params)
    estimate = estimate_plan(plan)
    if given.json:
        outcome = {
            "study": plan.study.to_json(),
            "points": len(plan.points),
            "estimate": estimate.to_json(),
        }
        sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
    else:
        sys.stdout.write(f"{outline(params)}\n")
    return 0


def run(given: argparse.Namespace) -> int:
    """Run a study that passes the check, here or on a server."""
    params = read_params(given.study, changes=given.set)
    effective(params)
    if given.server or os.environ.get("OPBENCH_SERVER"):
        from include.cli.server import run_there  # noqa: PLC0415  only then

        return run_there(params, given)
    if not DEMO.exists():
        raise StudyError("this installation has no bin/demo: name its Airflow with --server URL")
    sys.stdout.flush()
    demo = [str(DEMO), json.dumps(params)]
    return os.execv(DEMO, demo)  # noqa: S606  it takes this process's place, and its signals
