"""`python -m include.bench.faults`: kills parts of a cluster under a study, and tells what is kept.

Each case has a cluster of its own and the study's own steps, in their order, with the one retry
that Airflow gives a point. Nothing of Airflow runs. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from include import clusters
from include.bench.table import measured_by
from include.errors import BenchmarkError
from include.models import Status
from include.results import Results
from include.study import steps, turn
from include.study.stopping import StudyStopped, why_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from include.models import ClusterHandle, Phase, Point, Reservation

log = logging.getLogger(__name__)
NAMED_S, RECOVERED_S = 10.0, 60.0  # the promises
RETRY_S = 5.0  # as Airflow waits
AT_WORK_S = 3.0  # after its beginning a point's job is at work
DEFAULT = "simulated"
QUICK = ("etcd", "kube-scheduler", "mpi-operator")
TEXT = f"""\
# Faults

`make faults` kills one part of a cluster of its own after the other while a point runs, and tells
what became of it. The promise: no record is lost, nothing is left behind, the part is named within
{NAMED_S:g} s, and the next measurement begins within {RECOVERED_S:g} s. The point that was at work
is lost with its cluster, which is no failure of its operator; its retry starts the part again,
deletes the job, and measures anew. Two losses in a row by one cause stop the study.
"""
HEAD = (
    "| cluster | killed | records | left behind | named | s to its name | s until it is at work "
    "again | s to the next record |"
)


@dataclass(kw_only=True)
class Outcome:
    """One case as it went."""

    cluster: str
    part: str
    records: int = 0
    points: int = 0
    named: str = ""
    named_s: float | None = None
    recovered_s: float | None = None  # until a point was at work again
    recorded_s: float | None = None  # until the next record
    left: tuple[str, ...] = ()
    killed_at: float | None = None
    troubles: list[str] = field(default_factory=list)

    @property
    def keeps_its_promise(self) -> bool:
        """True if no record is lost, nothing left, and the part was named and made good in time."""
        return (
            self.records == self.points
            and not self.left
            and self.part in self.named
            and self.named_s is not None
            and self.named_s <= NAMED_S
            and self.recovered_s is not None
            and self.recovered_s <= RECOVERED_S
        )

    def row(self) -> str:
        """The case as a row of the table."""
        cells = (
            self.cluster,
            self.part,
            f"{self.records}/{self.points}",
            ", ".join(self.left) or "nothing",
            self.named or "no",
            "" if self.named_s is None else f"{self.named_s:.0f}",
            "" if self.recovered_s is None else f"{self.recovered_s:.0f}",
            "" if self.recorded_s is None else f"{self.recorded_s:.0f}",
        )
        return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the cases, print a table, and keep it with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m include.bench.faults", description=__doc__)
    parser.add_argument("--cluster", default=DEFAULT, help="one whose parts run here")
    parser.add_argument("--part", action="append", help="this part alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a third of the cases")
    parser.add_argument("--write", type=Path, help="keep the table in this file too")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message).160s")
    parts = chosen.part or (QUICK if chosen.quick else clusters.load(chosen.cluster).parts)
    outcomes = []
    for part in parts:
        outcomes.append(play(chosen.cluster, part))
        sys.stderr.write(f"{outcomes[-1].row()}\n")
    table = "\n".join([HEAD, "|---" * (HEAD.count("|") - 1) + "|", *(o.row() for o in outcomes)])
    sys.stdout.write(f"{table}\n")
    for outcome in outcomes:
        sys.stdout.writelines(f"{outcome.part}: {text}\n" for text in outcome.troubles)
    if chosen.write:
        chosen.write.write_text(f"{TEXT}\n{table}\n\n{measured_by('faults')}\n")
    return int(not all(outcome.keeps_its_promise for outcome in outcomes))


def play(cluster: str, part: str) -> Outcome:
    """One study of two points, during the first of which the part is killed."""
    outcome = Outcome(cluster=cluster, part=part)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        results = Results(Path(folder))
        _plan(cluster, part, Path(folder))
        reservation = steps.reserve(results)
        try:
            steps.provision(results, reservation)
            handle = steps.wait_ready(results, reservation)
            (phase,) = results.plan().phases
            steps.install_phase(results, handle, phase)
            _run_phase(results, handle, phase, outcome)
            steps.uninstall_phase(results, handle, phase)
        except BenchmarkError as err:
            outcome.troubles.append(f"{type(err).__name__}: {err}")
        finally:
            _end(results, reservation, outcome)
    return outcome


def _plan(cluster: str, part: str, folder: Path) -> None:
    params = {
        "name": "faults",
        "cluster": cluster,
        "cluster_options": dict(clusters.load(cluster).drill),
        "nodes": [2],
        "operators": ["mpi_operator"],
        "warmups": 0,
        "repeats": 2,
        "point_timeout_s": 120,
    }
    steps.plan_study(
        params,
        run_id=f"{part}-{os.getpid()}",
        locate=lambda _: folder,
        most_phases=1,
        most_points=2,
    )


def _run_phase(results: Results, handle: ClusterHandle, phase: Phase, outcome: Outcome) -> None:
    outcome.points = len(phase.points)
    killer = threading.Timer(AT_WORK_S, _kill, args=(outcome,))
    killer.start()
    for point in phase.points:
        _try(lambda point=point: _measure(results, handle, point, outcome), outcome)  # type: ignore[misc]
    killer.join()
    if stopped := why_stopped(results):
        outcome.troubles.append(f"stopped: {stopped}")
    outcome.records = sum(record.status is Status.VALID for record in results.records())


def _try(run: Callable[[], None], outcome: Outcome) -> None:
    """Run a point as Airflow would: once more after it was lost."""
    for _ in range(2):
        try:
            run()
        except StudyStopped:
            return
        except BenchmarkError as err:
            if outcome.named_s is None and outcome.killed_at is not None:
                outcome.named = " ".join(str(err).partition(":")[0].split())
                outcome.named_s = time.monotonic() - outcome.killed_at
            time.sleep(RETRY_S)
        else:
            return


def _measure(results: Results, handle: ClusterHandle, own: Point, outcome: Outcome) -> None:
    measurement = turn.next_measurement(results, handle, own)
    if outcome.killed_at is not None and outcome.named and outcome.recovered_s is None:
        outcome.recovered_s = time.monotonic() - outcome.killed_at
    try:
        measurement.run()
    except BenchmarkError as err:
        measurement.note_loss(err)
        raise
    finally:
        measurement.setting.kube.close()
    if outcome.recovered_s is not None and outcome.killed_at and outcome.recorded_s is None:
        outcome.recorded_s = time.monotonic() - outcome.killed_at


def _kill(outcome: Outcome) -> None:
    process = clusters.load(outcome.cluster).process(outcome.part)
    if process is None:
        outcome.troubles.append(f"there is no {outcome.part} to kill")
        return
    os.kill(process.pid, signal.SIGKILL)
    outcome.killed_at = time.monotonic()


def _end(results: Results, reservation: Reservation, outcome: Outcome) -> None:
    try:
        steps.destroy(reservation, open_results=lambda: results)
    except BenchmarkError as err:
        outcome.troubles.append(f"{type(err).__name__}: {err}")
    outcome.left = clusters.load(reservation.cluster).leftovers(reservation)


if __name__ == "__main__":
    sys.exit(main())
