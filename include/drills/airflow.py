"""Faults of Airflow itself, under its own scheduler: they kill no healthy point and no run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from include import waiting
from include.bench import scheduler
from include.drills import database
from include.drills.case import two_points
from include.drills.outcome import Colour, Outcome, Promise
from include.embedded.paths import simulated_root
from include.embedded.simulated_removal import leftovers
from include.errors import BenchmarkError
from include.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from include.drills.database import Database

CLUSTER = "simulated"
DATABASE_S, API_SERVER_S, LOAD_S = 30.0, 10.0, 90.0  # durations of harmless faults
LOAD_PER_CORE = 6
BEGIN_LIMIT_S, AT_WORK_S = 300.0, 3.0
END_LIMIT_S = 60.0
POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Airflow:
    """The running Airflow of a case."""

    pid: int  # process of `bin/ui`
    database: Database

    def part(self, name: str) -> psutil.Process:
        """The first process of a part, which leads its group; BenchmarkError when there is none."""
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.Error):
                if name in " ".join(child.cmdline()).replace("_", "-"):
                    return child
        raise BenchmarkError(f"Airflow's {name} does not run")


@dataclass(frozen=True, kw_only=True)
class AirflowCase:
    """One fault of Airflow while a point is measured."""

    name: str
    does: Callable[[Airflow], None]
    opened: Callable[[], AbstractContextManager[Database]] = database.sqlite
    ended_part: str | None = None  # part whose death ends Airflow, which is then restarted by hand
    promise: Promise = field(default_factory=lambda: Promise(recovered_s=None))


def silent_database(airflow: Airflow) -> None:
    """Make the database unresponsive."""
    airflow.database.silence(DATABASE_S)


def silent_api_server(airflow: Airflow) -> None:
    """Make the API server unresponsive."""
    group = airflow.part("api-server").pid
    os.killpg(group, signal.SIGSTOP)
    time.sleep(API_SERVER_S)
    os.killpg(group, signal.SIGCONT)


def load(airflow: Airflow) -> None:  # noqa: ARG001
    """Load the machine's cores with other programs."""
    context = multiprocessing.get_context("fork")
    count = LOAD_PER_CORE * (os.cpu_count() or 1)
    others = [context.Process(target=_busy, args=(LOAD_S,), daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    for other in others:
        other.join()


def _busy(for_s: float) -> None:
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        pass


def killed(part: str) -> Callable[[Airflow], None]:
    """Kill a part of Airflow."""
    return lambda airflow: airflow.part(part).kill()


def cases() -> tuple[AirflowCase, ...]:
    """All cases that can be played here."""
    ends = (
        AirflowCase(
            name=f"Airflow's {part} killed, all started again",
            does=killed(part),
            ended_part=part,
            promise=Promise(names=(f"the {part} ended",)),
        )
        for part in ("scheduler", "dag-processor", "api-server")
    )
    of_postgresql = AirflowCase(
        name=f"Airflow's PostgreSQL silent for {DATABASE_S:g} s",
        does=silent_database,
        opened=database.postgresql,
    )
    return (
        AirflowCase(
            name=f"Airflow's database (SQLite) locked for {DATABASE_S:g} s", does=silent_database
        ),
        *([of_postgresql] if database.has_postgresql() else []),
        AirflowCase(
            name=f"Airflow's API server stopped for {API_SERVER_S:g} s", does=silent_api_server
        ),
        AirflowCase(name=f"{LOAD_PER_CORE} busy processes per core for {LOAD_S:g} s", does=load),
        *ends,
    )


def play(case: AirflowCase) -> Outcome:
    """Play the case and return its outcome."""
    outcome = Outcome(cluster=CLUSTER, case=case.name, points=2)
    with tempfile.TemporaryDirectory(prefix="faults-") as name, case.opened() as opened:
        settings = {**opened.settings, "OPERATOR_BENCHMARK_RESULTS": name}
        try:
            state = _run(case, outcome, opened, settings=settings, folder=Path(name))
            outcome.colour = Colour.GREEN if state == "success" else Colour.RED
        except (BenchmarkError, psutil.Error, OSError) as err:
            outcome.broken.append(f"{type(err).__name__}: {err}")
        outcome.left = leftovers(simulated_root())
        for study in Path(name).glob("*/plan.json"):
            _count(Results(study.parent), outcome)
    return outcome


def _run(
    case: AirflowCase,
    outcome: Outcome,
    opened: Database,
    *,
    settings: Mapping[str, str],
    folder: Path,
) -> str:
    """Play the case and return the run's final state."""
    with scheduler.airflow(settings) as (address, pid):
        run_id = scheduler.trigger(address, two_points(CLUSTER, {"run_s": 20}))
        _await_job(folder)
        outcome.hurt_at = time.monotonic()
        case.does(Airflow(pid=pid, database=opened))
        if case.ended_part is None:
            state = scheduler.ended(address, run_id)
            _note_tries(scheduler.tries(address, run_id), outcome)
            return state
        _await_end(case, outcome)
    with scheduler.airflow(settings) as (address, _):
        return scheduler.ended(address, run_id)


def _await_job(folder: Path) -> None:
    for _ in waiting.looks(limit_s=BEGIN_LIMIT_S, poll_s=POLL_S):
        if any(folder.glob("*/points/*/manifest.yaml")):
            time.sleep(AT_WORK_S)
            return
    raise BenchmarkError(f"no point started within {BEGIN_LIMIT_S:.0f} s")


def _await_end(case: AirflowCase, outcome: Outcome) -> None:
    """Wait until Airflow ends and names the part that ended."""
    log = scheduler.HOME / "bench.log"
    for _ in waiting.looks(limit_s=END_LIMIT_S, poll_s=POLL_S):
        text = log.read_text()
        if f"the {case.ended_part} ended" in text:
            outcome.named_at = outcome.recovered_at = time.monotonic()
            outcome.messages.append(text)
            return


def _note_tries(tries: Mapping[str, int], outcome: Outcome) -> None:
    outcome.broken += [
        f"{task} was tried {number} times"
        for task, number in sorted(tries.items())
        if ".points" in task and number > 1
    ]


def _count(results: Results, outcome: Outcome) -> None:
    records, _ = results.readable_records()
    outcome.count(records, results)
    again = [record.point_id for record in records if record.attempt > 1]
    outcome.broken += [f"{point_id} was measured again" for point_id in again]
