"""The table of a benchmark, its setup, and the newest study of a name."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.project import ROOT, code_version
from include.results import Results

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[str, str, str]  # what, measured, aim


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | median | aim |", "|---|---|---|"]
    lines += [f"| {what} | {measured} | {aim} |" for what, measured, aim in rows]
    return "\n".join(lines) + "\n"


def measured_by(target: str) -> str:
    """A sentence on the measurement: make target, date, commit and machine."""
    return (
        f"Measured by `make {target}` on {datetime.now(UTC).date()} at commit {code_version()}: "
        f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}."
    )


def newest(name: str) -> Results:
    """The folder of the study of that name with the latest plan."""
    folders = (ROOT / "results").glob(f"{name}-*/plan.json")
    return Results(max(folders, key=lambda path: path.stat().st_mtime).parent)
