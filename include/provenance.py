"""Which code made a result."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

VERSION_VARIABLE = "OPERATOR_BENCHMARK_VERSION"  # for installations without a git checkout
# An `operator_version` begins so where what makes an operator's objects is not the operator.
STAND_IN = "stand-in"
ROOT = Path(__file__).parent.parent


@cache
def code_version() -> str:
    """The commit, with `-dirty` when files differ from it.

    Outside a checkout: the variable OPERATOR_BENCHMARK_VERSION, else `unknown`.
    """
    if given := os.environ.get(VERSION_VARIABLE):
        return given
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
