"""`opbench site` and `opbench export`: results for use elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from upath import UPath

from include.cli.records import folder, root
from include.errors import StudyError
from include.results import Results

if TYPE_CHECKING:
    import argparse


def site(given: argparse.Namespace) -> int:
    """Write the static site of a results folder."""
    from include.cli.site import write_site  # noqa: PLC0415  templates are loaded for it

    place = root(given.results)
    if given.results and not place.exists():  # an empty page would hide the slip
        raise StudyError(f"{place} is not a folder: give the one with the studies")
    site = write_site(place, Results(UPath(given.out)))
    trends = f", {len(site.series)} nightly series" if site.series else ""
    noun = "study" if len(site.studies) == 1 else "studies"
    sys.stdout.write(f"{len(site.studies)} {noun}{trends}: {given.out}/index.html\n")
    return 0


def export(given: argparse.Namespace) -> int:
    """Print a study's medians and intervals as OpenMetrics, or send them by OTLP."""
    results = folder(given.study, results=given.results)
    if given.otlp:
        from include.report import otlp  # noqa: PLC0415  pandas takes a second

        sent = otlp.send(results, collector=given.otlp)
        sys.stdout.write(f"sent {sent} numbers to {given.otlp}\n")
        return 0
    from include.report.openmetrics import openmetrics  # noqa: PLC0415

    sys.stdout.write(openmetrics(results))
    return 0
