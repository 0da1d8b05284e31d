"""`opbench check` and `opbench run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from upath import UPath

from include.cli.study_input import read_params
from include.cost.estimate import estimate_plan
from include.errors import StudyError
from include.models import Study
from include.project import ROOT
from include.report.digest import read_digest
from include.results import Results
from include.study.address import results_root
from include.study.outline import effective, paragraph

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DEMO = ROOT / "bin" / "demo"


def check(given: argparse.Namespace) -> int:
    """Say what the study comes to; StudyError with a line for each thing that is wrong."""
    params = read_params(given.study, changes=given.set)
    plan, reservation = effective(params)
    estimate = estimate_plan(plan, reservation=reservation)
    if given.json:
        outcome = {
            "study": plan.study.to_json(),
            "points": len(plan.points),
            "estimate": estimate.to_json(),
        }
        sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
    else:
        sys.stdout.write(f"{paragraph(params, plan.study, estimate)}\n")
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
    if given.json:
        return _run_for_json(params)
    sys.stdout.flush()
    demo = [str(DEMO), json.dumps(params)]
    return os.execv(DEMO, demo)  # noqa: S606  it takes this process's place, and its signals


def _run_for_json(params: Mapping[str, Any]) -> int:
    """The same with its progress on stderr, and the study's digest on stdout."""
    demo = [str(DEMO), json.dumps(params)]
    code = subprocess.run(demo, stdout=sys.stderr.fileno(), check=False).returncode  # noqa: S603
    noted = _noted()
    digest = None if noted is None else read_digest(noted)
    outcome = {
        "succeeded": code == 0,
        "results": None if noted is None else str(noted),
        "digest": None if digest is None else digest.to_json(),
    }
    sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
    return code


def _noted() -> Results | None:
    """The folder of the study that bin/demo ran last; None when it was refused."""
    homes = Path(os.environ.get("OPERATOR_BENCHMARK_HOMES") or DEMO.parents[1] / ".airflow")
    note = homes / "test-run" / "study.json"
    if not note.exists():
        return None
    noted = json.loads(note.read_bytes())
    root = results_root(Study.model_validate(noted["study"]))
    return Results(UPath(f"{root.rstrip('/')}/{noted['study_id']}"))
