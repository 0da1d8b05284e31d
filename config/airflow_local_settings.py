"""What Airflow's processes load of this project when they start."""

from __future__ import annotations

import importlib
import logging
import os
import sys

# Every task of the LocalExecutor is a fork of the scheduler and inherits what is loaded there.
# Without this, each point would import for seconds before its job is created.
SLOW = ("include.study.steps", "plugins.study_context", "include.report.write")


def preload() -> None:
    """Import what the tasks need; for the scheduler only, as other commands run no task."""
    for name in SLOW:
        importlib.import_module(name)


def show_progress() -> None:
    """Print the study's own lines without Airflow's.

    Airflow's namespace levels cannot do that: its console drops what is below its general level.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("include")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


if "scheduler" in sys.argv[1:2]:
    preload()
if os.environ.get("OPERATOR_BENCHMARK_PROGRESS"):
    show_progress()
