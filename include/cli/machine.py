"""`opbench preflight` and `opbench clean`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from include.cli.study_input import read_params
from include.study.outline import effective

if TYPE_CHECKING:
    import argparse


def preflight(given: argparse.Namespace) -> int:
    """Check everything that a study's cluster needs; 1 when it cannot start."""
    from include.study.preflight import look  # noqa: PLC0415  loads the clients of clusters

    params = read_params(given.study, changes=given.set)
    looked = look(*effective(params, run_id="preflight"))
    if given.json:
        sys.stdout.write(json.dumps({"ready": looked.is_ready, **looked.to_json()}, indent=2))
        sys.stdout.write("\n")
    else:
        sys.stdout.write(f"{looked.text}\n")
    return int(not looked.is_ready)


def clean(given: argparse.Namespace) -> int:
    """Remove what is left on this machine; BenchmarkError when something remains."""
    from include.embedded.clean import remove  # noqa: PLC0415  not for --help

    removed = remove(given.study)
    if given.json:
        sys.stdout.write(json.dumps({"removed": removed}, indent=2) + "\n")
    else:
        lines = [f"removed {name}" for name in removed] or ["nothing to clean"]
        sys.stdout.write("\n".join(lines) + "\n")
    return 0
