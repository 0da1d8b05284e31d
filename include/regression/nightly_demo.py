"""Plays 30 nights of a study on the simulated cluster, with a 5 % step: `make nightly-demo`.

From a night chosen by the seed on, another image makes the simulated application slower. Each night
does what the DAG nightly_regression does, in short time and without Airflow, except that one
cluster serves all nights. Ends with the trend page. The exit code is 0 when the step was detected
and dated to its night, within a few nights either way, otherwise 1.
"""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from upath import UPath

from include.project import ROOT
from include.regression import FOLDER, nightly, trend_models
from include.regression.confirmation_run import next_confirmation
from include.regression.rules import DEFAULT
from include.regression.series import Night
from include.regression.settings import NightlyStudy
from include.results import CLUSTER, CONFIRMATION_FOLDER, PLAN, Results
from include.study import steps
from include.study.turn import next_measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from include.models import ClusterHandle, Phase, Point
    from include.regression.alerts import Alert
    from include.study.steps import Planned
    from include.study.turn import Measurement

SERIES = "nightly"
FIRST_NIGHT = date(2026, 1, 1)
GOOD_IMAGE, SLOW_IMAGE = "simulated/application:1", "simulated/application:2"
EARLIEST = 14  # nights before the step, for comparison
LATEST = 5  # nights after it, to show its level


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The settings of the demo."""

    root: Path
    nights: int
    step_night: int  # counted from 0
    step: float
    settings: NightlyStudy

    def params(self) -> dict[str, Any]:
        """The study of every night."""
        return self.settings.study.to_json() | {"results": str(self.root)}

    def date_of(self, night: int) -> str:
        """The made-up date of a night."""
        return (FIRST_NIGHT + timedelta(days=night)).isoformat()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the step was detected and dated correctly, otherwise 1."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the cluster is removed on SIGTERM too
    demo = _make_demo(given)
    _say(
        f"SIMULATED: {demo.nights} nights from {demo.date_of(0)} on; from night "
        f"{demo.date_of(demo.step_night)} on the image takes {demo.step:.0%} longer"
    )
    alerts = play(demo)
    page = demo.root / FOLDER / SERIES / trend_models.PAGE
    is_dated_right = _is_dated_right(demo, alerts)
    _say(f"the step was {'found' if is_dated_right else 'NOT found'}; the trend: {page}")
    return 0 if is_dated_right else 1


def play(demo: Demo) -> list[Alert]:
    """Play every night in turn; returns the alerts. The cluster is removed in any case."""
    alerts: list[Alert] = []
    first = _plan(demo, 0)
    results = _results(first)
    reservation = steps.reserve(results)
    try:
        steps.provision(results, reservation)
        handle = steps.wait_ready(results, reservation)
        for night in range(demo.nights):
            planned = first if night == 0 else _plan(demo, night)
            alerts += _play_night(demo, night, planned, handle)
    finally:
        steps.destroy(reservation, open_results=lambda: results)
    return alerts


def _play_night(demo: Demo, night: int, planned: Planned, handle: ClusterHandle) -> Iterator[Alert]:
    results = _results(planned)
    image = SLOW_IMAGE if night >= demo.step_night else GOOD_IMAGE
    tonight = handle.model_copy(update={"image": image, "image_digest": None})
    results.write_json(CLUSTER, tonight.to_json())
    for phase in results.plan().phases:
        _run_phase(results, tonight, phase, next_measurement)
    where: dict[str, Any] = {"root": UPath(demo.root), "series": SERIES, "settings": demo.settings}
    nightly.examine_night(results, night=demo.date_of(night), **where)
    folder = Results(results.path(CONFIRMATION_FOLDER))
    if folder.exists(PLAN):

        def due(_: Results, arm: ClusterHandle, own: Point) -> Measurement:
            return next_confirmation(results, arm, own)

        _run_phase(folder, tonight, folder.plan().phases[0], due)
    steps.report(results, ())
    published = nightly.publish(results, **where)
    merit = demo.settings.compared()
    times = sorted(record.figures.get(merit.name, 0.0) for record in results.records())
    middle, news = times[len(times) // 2], "; ".join(_news(published))
    _say(f"{demo.date_of(night)}  median {middle:.2f} {merit.unit}  {news}".rstrip())
    yield from published.news


def _run_phase(
    results: Results,
    handle: ClusterHandle,
    phase: Phase,
    due: Callable[[Results, ClusterHandle, Point], Measurement],
) -> None:
    steps.install_phase(results, handle, phase)
    for point in phase.points:
        due(results, handle, point).run()
    steps.uninstall_phase(results, handle, phase)


def _news(published: nightly.Published) -> list[str]:
    return [*published.suspects, *published.message.splitlines()]


def _plan(demo: Demo, night: int) -> Planned:
    return steps.plan_study(
        demo.params(),
        run_id=f"demo {demo.date_of(night)}",
        dag_id="nightly_regression",
        locate=UPath,
        most_phases=1,
        most_points=100,
    )


def _results(planned: Planned) -> Results:
    return Results(UPath(planned.results))


def _is_dated_right(demo: Demo, alerts: Sequence[Alert]) -> bool:
    """True if one regression was reported, dated to the step, and nothing else."""
    step = Night.read(demo.date_of(demo.step_night))
    nights = [Night.read(str(alert.night)) for alert in alerts]
    return len(nights) == 1 and abs(nights[0].day - step.day) <= DEFAULT.same_shift_nights


def _make_demo(given: argparse.Namespace) -> Demo:
    stamp = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    latest = max(EARLIEST, given.nights - LATEST)
    step_night = random.Random(given.seed).randint(EARLIEST, latest)  # noqa: S311  no secret
    study = {
        "name": "night",
        "cluster": "simulated",
        "operators": ["mpi_operator"],
        "nodes": [8],
        "ranks_per_node": 94,
        "repeats": 5,
        "warmups": 0,
        "mpi_implementation": "openmpi",
        "application_options": {"x": 64, "y": 16, "z": 16},
        "cluster_options": {
            "nodes": 8,
            "seed": given.seed,
            "time_scale": given.time_scale,
            "start_s": 0.1,
            "slower_images": {SLOW_IMAGE: 1 + given.step},
        },
    }
    return Demo(
        root=Path(given.out or ROOT / "results" / "nightly-demo" / stamp).resolve(),
        nights=given.nights,
        step_night=step_night,
        step=given.step,
        settings=NightlyStudy.model_validate(
            {"schedule": "0 2 * * *", "timezone": "UTC", "study": study}
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.regression.nightly_demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--step", type=float, default=0.05, help="relative; 0.05 is 5 %%")
    parser.add_argument("--seed", type=int, default=1, help="of the step's night and of all times")
    parser.add_argument("--time-scale", type=float, default=0.01, help="waiting, as a share")
    parser.add_argument("--out", help="folder; default: a new one below results/nightly-demo")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
