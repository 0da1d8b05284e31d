"""`opbench site` and `opbench export`: results that leave their folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from upath import UPath

from include.cli.records import folder, root
from include.results import Results

if TYPE_CHECKING:
    import argparse


def site(given: argparse.Namespace) -> int:
    """Write the static site of a results folder."""
    from include.report.site import write_site  # noqa: PLC0415  templates are loaded for it

    names = write_site(root(given.results), Results(UPath(given.out)))
    sys.stdout.write(f"{len(names)} studies: {given.out}/index.html\n")
    return 0


def export(given: argparse.Namespace) -> int:
    """Print a study's medians and intervals as OpenMetrics."""
    from include.report.openmetrics import openmetrics  # noqa: PLC0415  pandas takes a second

    sys.stdout.write(openmetrics(folder(given.study, results=given.results)))
    return 0
