"""Runs a study step by step as its DAG does, without Airflow, with a process for each try.

A watcher is called at every look, gets every error, and sees the current state in the scene.
"""

from __future__ import annotations

import signal
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from include import clusters
from include.drills.scene import Scene
from include.drills.tasks import Ended, How, Task, end_of
from include.errors import BenchmarkError
from include.models import Record, Status
from include.results import Results
from include.study import steps, turn
from include.study.losses import loss_of, store_handed_over

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from include.clusters._on_this_machine import OnThisMachine
    from include.models import ClusterHandle, Phase, Point
    from include.study.losses import Loss

    Work = Callable[[Callable[[str], None]], Any]

RETRY_S, DESTROY_RETRY_S = 5.0, 10.0  # pauses before a second try, as in the DAG
LOOK_S = 0.1
MOST_POINTS = 1000


class Watcher(Protocol):
    """Harms the study and records what happens."""

    def look(self, scene: Scene) -> None:
        """Act if it is time."""

    def begun(self, point_id: str, at: float) -> None:
        """Note that a point has been running since that instant."""

    def hear(self, text: str) -> None:
        """Take the error of a try."""


@dataclass(kw_only=True)
class StudyRun:
    """One study from its plan to its end."""

    results: Results
    scene: Scene
    watcher: Watcher
    states: dict[str, str | None] = field(default_factory=dict)  # of tasks, in Airflow's words
    handed_over: dict[str, Record] = field(default_factory=dict)  # by point
    losses: dict[str, Loss] = field(default_factory=dict)  # handed over, too, by task

    @classmethod
    def planned(
        cls, params: Mapping[str, Any], *, run_id: str, folder: Path, watcher: Watcher
    ) -> StudyRun:
        """A study with nothing created yet; errors of planning pass through."""
        results = Results(folder)
        steps.plan_study(
            params, run_id=run_id, locate=lambda _: folder, most_phases=2, most_points=MOST_POINTS
        )
        reservation = steps.reserve(results)
        scene = Scene(
            cluster=cast("OnThisMachine[Any]", clusters.load(reservation.cluster)),
            reservation=reservation,
            results=results,
            points=results.plan().points,
        )
        return cls(results=results, scene=scene, watcher=watcher)

    def make_and_measure(self) -> None:
        """Run all steps before the teardown; an error of one is noted in `states`."""
        plan, reservation = self.results.plan(), self.scene.reservation
        made = self.step("provision", lambda _: steps.provision(self.results, reservation))
        if made.how is not How.DONE:
            return
        ready = self.step("wait_ready", lambda _: steps.wait_ready(self.results, reservation))
        if ready.how is How.DONE:
            for phase in plan.phases:
                self._phase(ready.value, phase)

    def destroy(self) -> tuple[str, ...]:
        """Remove the cluster; returns the names of what is left of it."""
        reservation = self.scene.reservation
        self.step(
            "destroy",
            lambda _: steps.destroy(reservation, open_results=lambda: self.results),
            tries=2,
            pause_s=DESTROY_RETRY_S,
        )
        return self.scene.cluster.leftovers(reservation)

    def report(self) -> Ended:
        """Write the report, with the records that points handed over."""
        given = [record.to_json() for record in self.handed_over.values()]
        return self.step("report", lambda _: steps.report(self.results, given).report)

    def verdict(self) -> str | None:
        """The verdict's complaint about the run, None for a green one."""
        try:
            steps.check_complete(
                self.results,
                states=self.states,
                may_be_skipped=(),
                handed_over=self.losses.values(),
            )
        except BenchmarkError as err:
            return str(err)
        return None

    def records(self) -> dict[str, Record]:
        """Records by point, stored or handed over."""
        readable, _ = self.results.readable_records()
        return {**self.handed_over, **{record.point_id: record for record in readable}}

    def _phase(self, handle: ClusterHandle, phase: Phase) -> None:
        name, results = f"phase_{phase.phase}", self.results
        installed = self.step(
            f"{name}.install", lambda _: steps.install_phase(results, handle, phase)
        )
        if installed.how is How.DONE:
            for index, point in enumerate(phase.points):
                self._point(handle, point, task=f"{name}.points_{index}")
        self.step(f"{name}.uninstall", lambda _: steps.uninstall_phase(results, handle, phase))

    def _point(self, handle: ClusterHandle, own: Point, *, task: str) -> None:
        def work(tell: Callable[[str], None]) -> Ended:
            store_handed_over(self.results, self.losses.values())
            return measure(self.results, handle, own, task=task, tell=tell)

        ended = self.step(task, work, tries=2)
        if isinstance(ended.value, Record):
            self.handed_over[ended.value.point_id] = ended.value
        if ended.loss is not None:
            self.losses[task] = ended.loss

    def step(self, name: str, work: Work, *, tries: int = 1, pause_s: float = RETRY_S) -> Ended:
        """Run a task to its end, with retries if it has any."""
        for number in range(tries):
            if number:
                self._pause(pause_s)
            ended = self._try(name, Task(work=work))
            if ended.how is not How.RETRIED:
                break
        self.states[name] = "success" if ended.how is How.DONE else "failed"
        return ended

    def _try(self, name: str, task: Task) -> Ended:
        self.scene.begin(name, task)
        while task.ended is None:
            task.look(wait_s=LOOK_S)
            for point_id, at in task.messages:
                self.scene.point_id = point_id
                self.watcher.begun(point_id, at)
            task.messages.clear()
            self.watcher.look(self.scene)
        if task.ended.text:
            self.watcher.hear(task.ended.text)
        return task.ended

    def _pause(self, pause_s: float) -> None:
        end = time.monotonic() + pause_s
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            self.watcher.look(self.scene)


def measure(
    results: Results,
    handle: ClusterHandle,
    own: Point,
    *,
    task: str,
    tell: Callable[[str], None],
) -> Ended:
    """The work of a point's task, as in `plugins.run_point`; tells the point's id."""
    measurement = turn.next_measurement(results, handle, own, task=task)
    signal.signal(signal.SIGTERM, lambda *_: measurement.cancel())
    tell(measurement.point.point_id)
    with closing(measurement.setting.kube):
        try:
            record = measurement.run()
        except Exception as err:  # noqa: BLE001  as Airflow does with whatever a task raises
            measurement.note_loss(err)
            return replace(end_of(err), loss=loss_of(measurement.point.point_id, err))
    if record.status is Status.VALID:
        return Ended(how=How.DONE, value=record)
    return Ended(how=How.FAILED, text=record.error or "", value=record)
