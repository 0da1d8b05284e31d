"""`python -m include.drills.faults`: plays the fault matrix and reports what survives.

Each case has its own cluster and runs the study's own steps in order, each in its own process
with as many tries as Airflow gives it. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from include import clusters
from include.drills import airflow, cases, demo, document
from include.drills.airflow import AirflowCase
from include.drills.case import SIMULATED
from include.drills.demo import DemoCase
from include.drills.outcome import HEAD
from include.drills.play import play
from include.project import code_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.drills.case import Case
    from include.drills.outcome import Outcome

    AnyCase = Case | AirflowCase | DemoCase

AIRFLOW = "airflow"  # not a cluster: faults of Airflow itself, on a simulated one
SECTIONS = {AIRFLOW: "Under Airflow's scheduler"}
MEASURED = (
    f"Measured by `make faults` on {os.cpu_count()} cores. Each row has the commit at which it was "
    "played, and the machine's load average over the minute before its end: seconds at more than "
    "the number of cores are upper bounds."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the cases; print their table and the broken promises."""
    parser = argparse.ArgumentParser(prog="python -m include.drills.faults", description=__doc__)
    parser.add_argument(
        "--cluster", default=SIMULATED, help=f"a cluster that runs on this machine, or {AIRFLOW}"
    )
    parser.add_argument("--case", action="append", help="only cases with this text in their name")
    parser.add_argument("--quick", action="store_true", help="some cases of each kind, for CI")
    parser.add_argument(
        "--again",
        action="store_true",
        help="play a case that breaks its promise once more, and count that one; both are shown",
    )
    parser.add_argument("--list", action="store_true", help="list the cases without playing them")
    parser.add_argument("--write", type=Path, help="put the rows into this page's table")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)
    wanted = _wanted(chosen.cluster, names=chosen.case, is_quick=chosen.quick)
    if chosen.list:
        sys.stdout.writelines(f"{case.name}\n" for case in wanted)
        return 0
    played = [_play(case, chosen.cluster, again=chosen.again) for case in wanted]
    rows = [row for _, _, row in played]
    sys.stdout.write(f"{document.table(HEAD, rows)}\n")
    breaches = [
        f"{case.name}: {text}" for case, out, _ in played for text in out.breaches(case.promise)
    ]
    sys.stdout.writelines(f"BROKEN {breach}\n" for breach in breaches)
    if chosen.write:
        _write(chosen.write, chosen.cluster, rows)
    return int(bool(breaches) or not played)


def _write(page: Path, cluster: str, rows: Sequence[str]) -> None:
    """Put the rows into the cluster's table, in place of what was measured of their cases before.

    Rows of cases that were not played now stay, each with its own commit; it says what is missing.
    """
    heading = SECTIONS.get(cluster, f"On `{cluster}`")
    kept = {_case_of(row): row for row in (*document.rows_of(page, heading, HEAD), *rows)}
    names = [case.name for case in _wanted(cluster, names=None, is_quick=False)]
    missing = [name for name in names if name not in kept]
    table = document.table(HEAD, (kept[name] for name in names if name in kept))
    coverage = f"Not played: {'; '.join(missing)}." if missing else "All of its cases were played."
    document.replace_section(page, heading, f"{MEASURED}\n\n{table}\n\n{coverage}")


def _case_of(row: str) -> str:
    return row.split(" | ")[1]


def _wanted(cluster: str, *, names: Sequence[str] | None, is_quick: bool) -> tuple[AnyCase, ...]:
    if cluster == AIRFLOW:
        every: tuple[AnyCase, ...] = (*airflow.cases(), *demo.cases())
    else:
        clusters.load(cluster)  # refuses an unknown one and names the known ones
        every = tuple(each for each in cases.cases(cluster) if each.is_quick or not is_quick)
    exact = {case.name for case in every}.intersection(names or ())
    return tuple(
        case
        for case in every
        if not names
        or case.name in exact
        or any(name in case.name for name in names if name not in exact)
    )


def _play(case: AnyCase, cluster: str, *, again: bool) -> tuple[AnyCase, Outcome, str]:
    """Play the case, with `again` a second time if its promise is broken."""
    played = _play_once(case, cluster)
    _, outcome, _ = played
    if again and outcome.breaches(case.promise):
        sys.stderr.write("  once more:\n")
        return _play_once(case, cluster)
    return played


def _play_once(case: AnyCase, cluster: str) -> tuple[AnyCase, Outcome, str]:
    """Play the case and print its row at once."""
    if isinstance(case, AirflowCase):
        outcome = airflow.play(case)
    elif isinstance(case, DemoCase):
        outcome = demo.play(case)
    else:
        outcome = play(case, cluster)
    row = outcome.row(case.promise, measured=f"{code_version()[:7]}, {os.getloadavg()[0]:.0f}")
    sys.stderr.write(f"{row}\n")
    sys.stderr.writelines(f"  BROKEN: {breach}\n" for breach in outcome.breaches(case.promise))
    sys.stderr.flush()
    return case, outcome, row


if __name__ == "__main__":
    sys.exit(main())
