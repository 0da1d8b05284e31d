"""Shows what the regression test detects and how often it is wrong: `make power-study`.

Histories are resampled from the cells of recorded runs (`--runs DIR`, folders as read by `opbench
import`). Without any, run times are made up, and the output says so.
Prints Markdown; the same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from include.analysis import table
from include.analysis.cells import CELL, counted
from include.analysis.quantities import primaries
from include.errors import StudyError
from include.recorded_runs import _folders, _records
from include.regression.power import (
    Conditions,
    count_false_alarms,
    find_steps,
    synthetic_cells,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from include.regression.power import Detections, FalseAlarms

STEPS = ((5, 0.05), (5, 0.03), (10, 0.05), (10, 0.03))  # repeats, effect
SHOWN = (1, 2, 3, 5, 7)  # nights
FALSE_ALARM_REPEATS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the study was made, 2 when the folder has no runs."""
    given = _parser().parse_args(arguments)
    cells = synthetic_cells()
    source = "made-up run times (SYNTHETIC: no recorded runs were given)"
    if given.runs:
        try:
            cells = read_cells(Path(given.runs))
        except StudyError as err:
            sys.stderr.write(f"error: {err}\n")
            return 2
        source = f"{len(cells)} cells of recorded runs"
    lines = study(
        cells,
        source=source,
        trials=given.trials,
        seed=given.seed,
        night_spread=given.night_spread / 100,
    )
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def read_cells(folder: Path) -> list[NDArray[np.float64]]:
    """Loop times by operator and size of the experiments below a folder; StudyError: none."""
    sources = _folders.find([folder]).sources
    experiments = _records.in_order([source.read(lambda _: None) for source in sources])
    names = _folders.study_names(experiments, folders=[folder])
    imported = _records.to_records(experiments, names=names, published_rule=False)
    runs = counted(table.to_frame([run.record for run in imported]))
    cells = [
        cell.dropna().to_numpy()
        for figure in primaries(runs)
        for _, cell in runs.groupby(list(CELL))[figure.name]
    ]
    if not cells:
        raise StudyError(f"{folder} has no valid run with a figure of merit")
    return cells


def study(
    cells: Sequence[NDArray[np.float64]],
    *,
    source: str,
    trials: int,
    seed: int,
    night_spread: float = Conditions.night_spread,
) -> Iterator[str]:
    """The study's lines as Markdown, each as soon as it is known."""
    conditions = Conditions(night_spread=night_spread)
    yield (
        f"Resampled from {source}, {trials} histories of each, seed {seed}. Nights differ by "
        f"{conditions.night_spread:.0%}; {conditions.nights_before} nights come before the first "
        f"that counts; a confirmation has {conditions.blocks} blocks. In brackets: the worst cell."
    )
    yield ""
    nights = "".join(f" within {night} |" for night in SHOWN)
    yield f"| repeats | step |{nights} first night: suspect | and confirmed |"
    yield "|" + "---|" * (4 + len(SHOWN))
    for repeats, effect in STEPS:
        detections = find_steps(
            cells,
            effect=effect,
            trials=trials,
            seed=seed,
            conditions=replace(conditions, repeats=repeats),
        )
        yield _row(repeats, effect, detections)
    yield ""
    alarms = count_false_alarms(
        cells,
        trials=trials,
        seed=seed,
        conditions=replace(conditions, repeats=FALSE_ALARM_REPEATS),
    )
    yield from _false_alarm_lines(alarms)


def _row(repeats: int, effect: float, detections: Detections) -> str:
    shares = " | ".join(
        f"{detections.within[night - 1]:.3f} ({detections.worst[night - 1]:.2f})" for night in SHOWN
    )
    first = f"{detections.suspect_first_night:.2f} | {detections.confirmed_first_night:.2f}"
    return f"| {repeats} | {effect:.0%} | {shares} | {first} |"


def _false_alarm_lines(alarms: FalseAlarms) -> Iterator[str]:
    about = f"R = {FALSE_ALARM_REPEATS}, {alarms.histories} histories"
    yield f"| without any change, {about} | in 90 nights |"
    yield "|---|---|"
    yield f"| false regressions, confirmed by a change point | {alarms.regressions:.3f} |"
    yield f"| false changes of either kind | {alarms.changes:.3f} |"
    yield f"| false suspects, each costs a confirmation | {alarms.suspects:.3f} |"
    yield f"| false suspects that pass it and reach a person | {alarms.suspects_confirmed:.4f} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.regression.power_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", metavar="DIR", help="folder of recorded runs, such as run 6")
    parser.add_argument("--trials", type=int, default=100, help="histories of each cell (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--night-spread", type=float, default=1.0, help="how far nights differ, in percent (1)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
