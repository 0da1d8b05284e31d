"""`python -m include.drills.soak`: nights of studies with a fault every few minutes, by seed.

Each night is a study on a simulated cluster with shortened waiting, so that a day of nights fits
into an hour. Exit code 1 when a record is lost or changed, anything is left behind, a night has the
wrong colour, or memory, descriptors or disk do not stay flat.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from include.bench.table import measured_by
from include.drills import document, flatness
from include.drills.night import Night, NightRow, Sabotage

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADING = "The soak"
HEAD = (
    "| night | faults | valid | kept | colour | left behind | memory, MiB | peak of all, MiB "
    "| descriptors | processes | disk, KiB |"
)
FAULTS = "| fault | times |"
LEGEND = """\
Memory, descriptors and processes are those of the pipeline between two nights, the peak is of the
pipeline, its tasks, and the cluster with all its parts while a night runs (proportional set
sizes). Disk is all that is in use between two nights beside the results: the cluster's state, and
temporary files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the nights; print their table and the deviations."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)
    scale = chosen.time_scale or chosen.minutes / 60 / chosen.hours
    sabotage = Sabotage(random.Random(chosen.seed), every_s=60 * chosen.every)  # noqa: S311
    began = time.monotonic()
    rows = _nights(sabotage, minutes=chosen.minutes, points=chosen.points, scale=scale)
    summary = _summary(rows, took_s=time.monotonic() - began, scale=scale, seed=chosen.seed)
    text = f"{summary}\n\n{_tables(rows, sabotage)}"
    breaches = [f"night {row.number}: {text}" for row in rows for text in row.breaches]
    breaches += _growths(rows)
    sys.stdout.write(f"{text}\n")
    sys.stdout.writelines(f"BROKEN {breach}\n" for breach in breaches)
    if chosen.write:
        document.replace_section(chosen.write, HEADING, f"{measured_by('soak')}\n\n{text}")
    return int(bool(breaches))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.drills.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="wall time")
    parser.add_argument(
        "--hours", type=float, default=24.0, help="time that the nights are spread over"
    )
    parser.add_argument("--time-scale", type=float, help="of waiting; by default minutes to hours")
    parser.add_argument("--seed", type=int, default=1, help="seed of the faults and their times")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between faults")
    parser.add_argument("--points", type=int, default=24, help="points of a night")
    parser.add_argument("--write", type=Path, help="put the table into this page")
    return parser


def _nights(sabotage: Sabotage, *, minutes: float, points: int, scale: float) -> list[NightRow]:
    """Play nights until the time is over; the last one is completed."""
    end = time.monotonic() + 60 * minutes
    rows: list[NightRow] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        tempfile.tempdir = name  # files left in it are counted
        while time.monotonic() < end:
            night = Night(number=len(rows) + 1, points=points, time_scale=scale, sabotage=sabotage)
            rows.append(night.play(Path(name)))
            sys.stderr.write(f"{rows[-1].line()}\n")
            sys.stderr.writelines(f"  BROKEN: {breach}\n" for breach in rows[-1].breaches)
            sys.stderr.flush()
    tempfile.tempdir = None
    return rows


def _tables(rows: Sequence[NightRow], sabotage: Sabotage) -> str:
    """The nights, and how often each fault was done."""
    counted = sorted(sabotage.counts().items())
    nights = document.table(HEAD, (row.line() for row in rows))
    faults = document.table(FAULTS, (f"| {fault} | {times} |" for fault, times in counted))
    return f"{nights}\n\n{LEGEND}\n\n{faults}"


def _growths(rows: Sequence[NightRow]) -> list[str]:
    if len(rows) < flatness.FEWEST:
        return [f"{len(rows)} nights are too few to show growth: give more minutes"]
    sentences = (
        flatness.complaint(gauge, [getattr(row, gauge.name) for row in rows])
        for gauge in flatness.GAUGES
    )
    return [text for text in sentences if text]


def _summary(rows: Sequence[NightRow], *, took_s: float, scale: float, seed: int) -> str:
    played_h = sum(row.played_s for row in rows) / 3600
    points, kept = sum(row.points for row in rows), sum(row.kept for row in rows)
    faults = sum(len(row.faults) for row in rows)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Seed {seed}: {len(rows)} nights in {took_s / 60:.0f} min, {faults} faults, {kept} of "
        f"{points} records kept. The jobs' drawn times add up to {played_h:.1f} h; waiting was "
        f"shortened to 1/{1 / scale:.0f}, the work of the control plane was not. Load average of "
        f"the machine at the end: {load}."
    )


if __name__ == "__main__":
    sys.exit(main())
