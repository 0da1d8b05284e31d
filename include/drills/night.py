"""One night of the soak: a study of many points with random faults while it runs."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
from kubernetes.client.exceptions import ApiException

from include import clusters
from include.bench import memory
from include.drills import flatness, harm
from include.drills.run import StudyRun
from include.drills.scene import Moment
from include.embedded import state
from include.embedded.paths import simulated_root
from include.errors import BenchmarkError
from include.models import Status
from include.results import RECORD

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from include.drills.harm import Harm
    from include.drills.scene import Scene

log = logging.getLogger(__name__)
CLUSTER = "simulated"
OPERATORS = ("mpi_operator", "indexed_job")
NODES = (2, 4)
SAMPLE_S = 5.0
SPREAD = 0.5  # relative jitter of the time between faults, to either side
# Faults that end the job they hit: its record says so, and the night is red.
OF_JOBS: dict[str, Harm] = {
    "job deleted by somebody else": harm.job_deleted,
    "launching pod deleted by somebody else": harm.launcher_deleted,
    "pod with ranks deleted by somebody else": harm.worker_deleted,
    "pod with ranks evicted by a drain": harm.worker_evicted,
}


def of_pipeline() -> dict[str, Harm]:
    """Faults by name after which every point is still valid."""
    parts = [part for part in clusters.load(CLUSTER).parts if part != "mpi-operator"]
    return {
        **{f"{part} killed": harm.killed(part) for part in parts},
        **{f"{part} stopped (SIGSTOP)": harm.stopped(part) for part in parts},
        "kube-apiserver does nothing for 10 s": harm.paused("kube-apiserver", for_s=10.0),
        "task of a point killed": harm.task_killed,
        "finalizer keeps a pod for 20 s": harm.pod_held(for_s=20.0),
    }


class Sabotage:
    """Random faults; one seed always gives the same ones at the same intervals."""

    def __init__(
        self, source: random.Random, *, every_s: float, harms: Mapping[str, Harm] | None = None
    ) -> None:
        self._source, self._every_s = source, every_s
        self._harms = harms or {**of_pipeline(), **OF_JOBS}
        self.done: list[tuple[str, str]] = []  # the fault, and the point that was running
        self._acts: Iterator[float] | None = None
        self._name, self._hit, self._at = "", "", 0.0
        self._draw(time.monotonic())

    def look(self, scene: Scene) -> None:
        """Continue the current fault, or start the next one when it is due and a job runs."""
        if time.monotonic() < self._at:
            return
        if self._acts is None:
            hit_before = any(point == scene.point_id for _, point in self.done)
            if hit_before or not scene.is_at(Moment.AT_WORK):  # a task has only one more try
                return
            self._hit = scene.point_id or ""
            self._acts = self._harms[self._name](scene)
        try:
            self._at = time.monotonic() + next(self._acts)
        except StopIteration:
            self._finish()
        except (BenchmarkError, ApiException, OSError, LookupError) as err:
            log.warning("skipped, as the job was over: %s: %s", self._name, err)
            self._draw(time.monotonic())

    def pause(self) -> None:
        """Undo the current fault, as the cluster is being removed."""
        if self._acts is not None:
            self._acts.close()  # type: ignore[attr-defined]
            self._finish()

    def counts(self) -> dict[str, int]:
        """Number of times each fault was done."""
        return dict(Counter(name for name, _ in self.done))

    def _finish(self) -> None:
        self.done.append((self._name, self._hit))
        self._draw(time.monotonic())

    def _draw(self, now: float) -> None:
        self._acts = None
        self._name = self._source.choice(sorted(self._harms))
        self._at = now + self._every_s * self._source.uniform(1 - SPREAD, 1 + SPREAD)


@dataclass(kw_only=True)
class NightRow:
    """The course of one night."""

    number: int
    points: int = 0
    valid: int = 0
    kept: int = 0
    complaint: str | None = None  # the verdict's complaint about a red night
    faults: list[tuple[str, str]] = field(default_factory=list)
    left: tuple[str, ...] = ()
    played_s: float = 0.0  # total of the jobs' drawn times
    memory: float = 0.0
    peak_memory: float = 0.0
    descriptors: float = 0
    processes: float = 0
    disk: float = 0
    breaches: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The night as a row of the table."""
        cells = (
            self.number,
            len(self.faults),
            f"{self.valid}/{self.points}",
            f"{self.kept}/{self.points}",
            "green" if self.complaint is None else "red",
            ", ".join(self.left) or "nothing",
            *(f"{getattr(self, gauge.name):.0f}" for gauge in flatness.GAUGES),
        )
        return f"| {' | '.join(map(str, cells))} |"


class Night:
    """A study with its faults; watches its own run."""

    def __init__(self, *, number: int, points: int, time_scale: float, sabotage: Sabotage) -> None:
        self.row = NightRow(number=number)
        self._points, self._time_scale, self._sabotage = points, time_scale, sabotage
        self._records: dict[str, bytes] = {}  # complete records by point, as first read
        self._sample_at = 0.0
        self._heard: list[str] = []

    def play(self, place: Path) -> NightRow:
        """Play the night from plan to verdict; its results are removed once checked."""
        folder = place / f"night-{self.row.number}"
        folder.mkdir()
        first = len(self._sabotage.done)
        study = StudyRun.planned(
            self._params(), run_id=f"{self.row.number}-{os.getpid()}", folder=folder, watcher=self
        )
        try:
            study.make_and_measure()
        finally:
            self._sabotage.pause()
            self.row.left = study.destroy()
        study.report()
        self.row.faults = self._sabotage.done[first:]
        self._judge(study)
        shutil.rmtree(folder)
        self._measure(place)
        return self.row

    def _params(self) -> dict[str, Any]:
        repeats = max(1, self._points // (len(OPERATORS) * len(NODES)))
        return {
            "name": "soak",
            "cluster": CLUSTER,
            "cluster_options": {
                "nodes": max(NODES),
                "time_scale": self._time_scale,
                "seed": self.row.number,
            },
            "nodes": list(NODES),
            "operators": list(OPERATORS),
            "warmups": 0,
            "repeats": repeats,
            "seed": self.row.number,
        }

    def look(self, scene: Scene) -> None:
        """Sample, check the records, and let the saboteur act."""
        if time.monotonic() >= self._sample_at:
            self._sample_at = time.monotonic() + SAMPLE_S
            self._sample(scene)
        if scene.step.startswith("phase_") and ".points" in scene.step:
            self._sabotage.look(scene)

    def begun(self, point_id: str, at: float) -> None:
        """Nothing to note."""

    def hear(self, text: str) -> None:
        """Log it for whoever examines a broken night."""
        self._heard.append(text)

    def _sample(self, scene: Scene) -> None:
        cluster = state.read_or_none(simulated_root())
        parts = [each.pid for each in cluster.processes] if cluster else []
        self.row.peak_memory = max(self.row.peak_memory, memory.of_families([os.getpid(), *parts]))
        for point_id in scene.results.recorded_points() - self._records.keys():
            stored = scene.results.of_point(point_id).read_bytes(RECORD)
            if b'"deleted_at": null' not in stored:
                self._records[point_id] = stored

    def _judge(self, study: StudyRun) -> None:
        row, records = self.row, study.records()
        row.points, row.kept = len(study.scene.points), len(records)
        row.valid = sum(record.status is Status.VALID for record in records.values())
        row.played_s = sum(record.launcher_time_s or 0.0 for record in records.values())
        row.complaint = study.verdict()
        now = {point: study.results.of_point(point).find_bytes(RECORD) for point in self._records}
        changed = [point for point, stored in self._records.items() if now[point] != stored]
        hit = {point for fault, point in row.faults if fault in OF_JOBS}
        unexplained = {
            f"{point} ({record.error})"
            for point, record in records.items()
            if record.status is not Status.VALID and point not in hit
        }
        is_red = row.complaint is not None
        row.breaches += [
            *(
                f"lost: {each}"
                for each in sorted({p.point_id for p in study.scene.points} - set(records))
            ),
            *(f"changed after it was complete: {point}" for point in changed),
            *(f"not valid, though nobody harmed its job: {each}" for each in sorted(unexplained)),
            *([f"left behind: {', '.join(row.left)}"] if row.left else []),
            *(
                ["red without a fault of a job: " + str(row.complaint)]
                if is_red and not hit
                else []
            ),
            *(["green with a failed point"] if not is_red and row.valid < row.points else []),
        ]
        if row.breaches:
            row.breaches += [f"told: {text.splitlines()[0]}" for text in self._heard]

    def _measure(self, place: Path) -> None:
        me = psutil.Process()
        self.row.memory = memory.of_family(me.pid)
        self.row.descriptors = flatness.descriptors(me.pid)
        self.row.processes = len(me.children(recursive=True)) + len(_parts_alive())
        self.row.disk = flatness.disk_kib((place, simulated_root()))


def _parts_alive() -> list[int]:
    cluster = state.read_or_none(simulated_root())
    return (
        [each.pid for each in cluster.processes if psutil.pid_exists(each.pid)] if cluster else []
    )
