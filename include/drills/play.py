"""Plays one case of the matrix: a study of two points, harmed at the given moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.drills.case import two_points
from include.drills.outcome import Colour, Outcome
from include.drills.run import StudyRun
from include.drills.scene import Moment
from include.drills.tasks import How
from include.embedded import runs
from include.embedded.commands import run
from include.errors import BenchmarkError
from include.results import Results
from include.study import teardown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.drills.case import Case
    from include.drills.scene import Scene

RUN_LIMIT_S = 600.0


def play(case: Case, cluster: str) -> Outcome:
    """Play the case and return its outcome."""
    outcome = Outcome(cluster=cluster, case=case.name, points=2)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name) / "results"
        folder.mkdir()
        with _disk(folder, case.disk_mib):
            if case.ends_run:
                _play_killed(case, outcome, folder)
            else:
                _play(case, outcome, folder)
    return outcome


@contextmanager
def _disk(folder: Path, size_mib: int | None) -> Iterator[None]:
    """A separate disk for the folder, if a size is given."""
    if size_mib is None:
        yield
        return
    run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "drill", str(folder)])
    try:
        yield
    finally:
        run(["umount", "--lazy", str(folder)])


def params_of(case: Case, cluster: str) -> dict[str, Any]:
    """The study's params: two small points plus the case's own."""
    return {**two_points(cluster, case.options), "point_timeout_s": 120, **case.params}


class Saboteur:
    """Does the harm when its moment has come, undoes it at the end, and records what follows."""

    def __init__(self, case: Case, outcome: Outcome) -> None:
        self._case, self._outcome = case, outcome
        self._acts: Iterator[float] | None = None
        self._next_at: float | None = None

    def look(self, scene: Scene) -> None:
        """Act if it is time."""
        if self._acts is None:
            if not scene.is_at(self._case.at):
                return
            self._acts = self._case.does(scene)
            self._outcome.hurt_at = self._next_at = time.monotonic()
        if self._next_at is None or time.monotonic() < self._next_at:
            return
        try:
            self._next_at = time.monotonic() + next(self._acts)
        except StopIteration:
            self._next_at = None
        except Exception as err:  # noqa: BLE001  an error of the harm itself is recorded
            self._next_at = None
            self._outcome.broken.append(f"the harm failed: {type(err).__name__}: {err}")

    def end(self) -> None:
        """Undo the harm."""
        if self._acts is not None:
            self._acts.close()  # type: ignore[attr-defined]

    def begun(self, point_id: str, at: float) -> None:  # noqa: ARG002
        """Note that a point is running: again, if the harm was done."""
        if self._outcome.hurt_at is not None and at > self._outcome.hurt_at:
            self.note_recovery(at)

    def note_recovery(self, at: float) -> None:
        """Note the instant of the first work after the harm, or of the end."""
        if self._outcome.hurt_at is not None and self._outcome.recovered_at is None:
            self._outcome.recovered_at = at

    def hear(self, text: str) -> None:
        """Record an error since the harm, and the instant when one first names the cause."""
        if self._outcome.hurt_at is None:
            self._outcome.before.append(text)
            return
        self._outcome.messages.append(text)
        names = self._case.promise.names
        if self._outcome.named_at is None and names and all(name in text for name in names):
            self._outcome.named_at = time.monotonic()


def _play(case: Case, outcome: Outcome, folder: Path) -> None:
    saboteur = Saboteur(case, outcome)
    try:
        run_id = f"{case.name}-{os.getpid()}"
        study = StudyRun.planned(
            params_of(case, outcome.cluster), run_id=run_id, folder=folder, watcher=saboteur
        )
    except BenchmarkError as err:
        outcome.broken.append(f"not planned: {err}")
        return
    if case.at is Moment.PLANNED:
        saboteur.look(study.scene)
    try:
        study.make_and_measure()
    finally:
        saboteur.note_recovery(time.monotonic())
        outcome.left = study.destroy()
        saboteur.note_recovery(time.monotonic())
        saboteur.end()
        _clear(study, outcome)  # the next case starts on a clean machine
    if case.is_reported and study.report().how is not How.DONE:
        outcome.broken.append("the report could not be written")
    if case.is_repeated:
        outcome.broken += _repeat(study)
    complaint = study.verdict()
    outcome.colour = Colour.GREEN if complaint is None else Colour.RED
    saboteur.hear(complaint or "")
    records = study.records().values()
    outcome.count(records, study.results)
    outcome.broken += case.judges(records)


def _repeat(study: StudyRun) -> list[str]:
    """Run all tasks again, as after a clearing in the UI; names of records that changed."""
    before = study.results.record_files()
    study.make_and_measure()
    left = study.destroy()
    after = study.results.record_files()
    return [
        *(f"left behind: {name}" for name in left),
        *(f"the record of {name} changed" for name in before if before[name] != after.get(name)),
    ]


def _clear(study: StudyRun, outcome: Outcome) -> None:
    """Remove what the study left."""
    if outcome.left:
        with suppress(BenchmarkError):
            study.scene.cluster.delete(study.scene.reservation)


def _play_killed(case: Case, outcome: Outcome, folder: Path) -> None:
    """Kill the complete run at the moment, then remove the study by its note."""
    note = folder.parent / "study.json"
    killed = multiprocessing.get_context("fork").Process(
        target=_in_a_group, args=(case, outcome, folder, note)
    )
    killed.start()
    killed.join(RUN_LIMIT_S)
    if killed.exitcode != -signal.SIGKILL:
        outcome.broken.append(f"the run ended by itself, with exit code {killed.exitcode}")
        killed.kill()
    outcome.hurt_at = time.monotonic()
    try:
        teardown.remove_noted(note)
    except BenchmarkError as err:
        outcome.broken.append(f"not removed: {err}")
    outcome.recovered_at, outcome.colour = time.monotonic(), Colour.NONE
    outcome.left = _left_of(note)
    records, _ = Results(folder).readable_records()
    outcome.count(records, Results(folder))


def _in_a_group(case: Case, outcome: Outcome, folder: Path, note: Path) -> None:
    os.setsid()
    os.environ[runs.NOTE_VARIABLE] = str(note)
    _play(case, outcome, folder)


def _left_of(note: Path) -> tuple[str, ...]:
    """Names of what a second removal would still remove."""
    try:
        return teardown.remove_noted(note)
    except BenchmarkError as err:
        return (str(err),)
