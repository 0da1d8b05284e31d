"""Installation of the project: its folder, its cache, and the version of its code."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

CACHE_VARIABLE = "OPERATOR_BENCHMARK_CACHE"
VERSION_VARIABLE = "OPERATOR_BENCHMARK_VERSION"  # version of installations without a git checkout
ROOT = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """OPERATOR_BENCHMARK_CACHE, or `.cache` in the project; it may not exist yet."""
    return Path(os.environ.get(CACHE_VARIABLE) or ROOT / ".cache")


@cache
def code_version() -> str:
    """The commit, with `-dirty` when files differ from it.

    Outside a checkout: the variable OPERATOR_BENCHMARK_VERSION, or else `unknown`.
    """
    if given := os.environ.get(VERSION_VARIABLE):
        return given
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
