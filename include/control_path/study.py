"""The complete study: each arm in turn, jobs of each size, each result kept at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from include.control_path import lab, rows
from include.control_path.rows import BATCHES, REQUESTS, RUNS, Batch, RequestCount, Run
from include.embedded import programs
from include.embedded.progress import Progress
from include.errors import BenchmarkError
from include.models import Status
from include.simulation.settings import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.control_path.arms import Arm
    from include.control_path.lab import Lab

log = logging.getLogger(__name__)
WARM_UP_LIMIT_S = 120.0
NOT_MEASURED = "stand-in: not measured"


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The request: arms, sizes and limits."""

    arms: tuple[Arm, ...]
    nodes: tuple[int, ...]
    repeats: int
    cell_limit_s: float  # no further repeat of a cell that has taken this long
    least_repeats: int = 3  # minimum per cell: fewer say nothing about the spread
    job_limit_s: float
    cluster_nodes: int | None = None  # None: as many as the largest job needs
    flux_operator: str | None = None
    control_plane_qps: int = 200
    many: tuple[int, ...] = ()  # numbers of jobs submitted together
    nodes_per_job: int = 2  # nodes of each of those jobs
    many_limit_s: float = 600.0  # no larger number of jobs after one that took this long
    is_anew: bool = False  # what the folder has of these arms and sizes is measured once more

    @property
    def most_nodes(self) -> int:
        """Workers needed by the largest job or by the largest batch."""
        return max((*self.nodes, *(jobs * self.nodes_per_job for jobs in self.many)))

    def options(self) -> Options:
        """Options of the simulated cluster: pods start at once, and nothing is played in them."""
        return Options(
            nodes=self.cluster_nodes or self.most_nodes,
            start_s=0.0,
            pull_s=0.0,
            is_audited=True,
            plays=False,
            flux_operator=self.flux_operator,
            control_plane_qps=self.control_plane_qps,
        )


class Store:
    """The CSV files of a folder; an interrupted study resumes from them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.runs = rows.read(folder / RUNS, Run)
        self._requests = rows.read(folder / REQUESTS, RequestCount)
        self.batches = rows.read(folder / BATCHES, Batch)

    def add(self, run: Run, requests: list[RequestCount]) -> None:
        """Keep a run, replacing an earlier failed one of its cell and repeat."""
        self.runs = [known for known in self.runs if known.cell != run.cell] + [run]
        others = [r for r in self._requests if (r.arm, r.nodes, r.repeat) != run.cell]
        self._requests = others + requests
        rows.write(self.folder / REQUESTS, self._requests, RequestCount)
        rows.write(self.folder / RUNS, self.runs, Run)

    def add_batch(self, batch: Batch) -> None:
        """Keep a batch, replacing an earlier one of its cell and repeat."""
        self.batches = [known for known in self.batches if known.cell != batch.cell] + [batch]
        rows.write(self.folder / BATCHES, self.batches, Batch)

    def forget(self, arm: Arm, matrix: Matrix) -> None:
        """Drop what the matrix asks for of an arm: it is measured anew."""
        runs = {run.cell for run in self.runs if run.arm == arm.name and run.nodes in matrix.nodes}
        self.runs = [run for run in self.runs if run.cell not in runs]
        self._requests = [r for r in self._requests if (r.arm, r.nodes, r.repeat) not in runs]
        self.batches = [b for b in self.batches if b.arm != arm.name or b.jobs not in matrix.many]

    def valid(self, arm: Arm, nodes: int) -> list[Run]:
        """Valid runs of a cell."""
        return [
            run
            for run in self.runs
            if (run.arm, run.nodes) == (arm.name, nodes) and run.status is Status.VALID
        ]

    def refuse_other(self, matrix: Matrix) -> None:
        """BenchmarkError when the folder's runs were made on another cluster than this one."""
        wanted = (matrix.options().nodes, matrix.control_plane_qps)
        for run in (*self.runs, *self.batches):
            if (run.cluster_nodes, run.control_plane_qps) != wanted:
                msg = (
                    f"{self.folder} has runs of a cluster with {run.cluster_nodes} nodes and a "
                    f"control plane of {run.control_plane_qps} requests/s, not {wanted[0]} and "
                    f"{wanted[1]}: give another folder, or --cluster-nodes"
                )
                raise BenchmarkError(msg)


def measure(matrix: Matrix, store: Store) -> int:
    """Measure what the store lacks, then delete everything; returns the number of failures."""
    store.refuse_other(matrix)
    options = matrix.options()
    wanted = [arm for arm in matrix.arms if lab.has_program(arm, options)]
    for arm in set(matrix.arms) - set(wanted):
        log.warning("%s: %s", arm.name, NOT_MEASURED)
    due = [
        arm
        for arm in wanted
        if matrix.is_anew or any(_due(arm, matrix, store)) or any(_due_batches(arm, matrix, store))
    ]
    if not due:
        log.info("nothing to measure: %s has it all", store.folder)
        return 0
    needed = dict.fromkeys(each for arm in due for each in arm.controllers)
    programs.build(needed, Progress(log.info))
    log.info("starting a control plane and %d simulated nodes", options.nodes)
    failed = 0
    with lab.ready(options) as place:
        for (name, _), group in groupby(due, key=lambda arm: (arm.k8s_operator, arm.is_queued)):
            arms = tuple(group)
            with place.installed(arms[0]) as version:
                log.info("%s: %s", name, version)
                # Warm-up, not stored: caches fill, and the garbage collector learns of a new kind.
                place.measure(arms[0], **_warm_up(matrix), version=version)
                for arm in arms:
                    if matrix.is_anew:
                        store.forget(arm, matrix)
                    failed += _measure_arm(place, arm, matrix, store, version=version)
                    failed += _measure_batches(place, arm, matrix, store, version=version)
    return failed


def _warm_up(matrix: Matrix) -> dict[str, Any]:
    least = min(matrix.nodes, default=matrix.nodes_per_job)
    return {"nodes": least, "repeat": matrix.repeats + 1, "limit_s": WARM_UP_LIMIT_S}


def _measure_arm(place: Lab, arm: Arm, matrix: Matrix, store: Store, *, version: str) -> int:
    failed = 0
    for nodes, repeat in _due(arm, matrix, store):
        run, requests = place.measure(
            arm, nodes=nodes, repeat=repeat, version=version, limit_s=matrix.job_limit_s
        )
        store.add(run, requests)
        failed += run.status is not Status.VALID
        log.info("%s, %d nodes, repeat %d: %s", arm.name, nodes, repeat, _outcome(run))
    return failed


def _measure_batches(place: Lab, arm: Arm, matrix: Matrix, store: Store, *, version: str) -> int:
    failed = 0
    for jobs, repeat in _due_batches(arm, matrix, store):
        batch = place.measure_many(
            arm,
            jobs=jobs,
            nodes=matrix.nodes_per_job,
            repeat=repeat,
            version=version,
            limit_s=matrix.job_limit_s,
        )
        store.add_batch(batch)
        failed += batch.status is not Status.VALID
        outcome = batch.error or f"the last of them terminal after {batch.makespan_s:.1f} s"
        log.info("%s, %d jobs at once, repeat %d: %s", arm.name, jobs, repeat, outcome)
    return failed


def _due_batches(arm: Arm, matrix: Matrix, store: Store) -> Iterator[tuple[int, int]]:
    """Batches still to be measured, smallest first; evaluated again after each."""
    for jobs in sorted(matrix.many):
        for repeat in range(1, matrix.repeats + 1):
            own = [b for b in store.batches if b.arm == arm.name and b.jobs <= jobs]
            if any(b.cell == (arm.name, jobs, repeat) for b in own):
                continue  # failed ones too: they would take their full limit again
            took_s = sum(b.makespan_s or 0.0 for b in own if b.jobs == jobs)
            if repeat > 1 and took_s >= matrix.cell_limit_s:
                break
            if any(b.makespan_s is None or b.makespan_s > matrix.many_limit_s for b in own):
                return
            yield jobs, repeat


def _due(arm: Arm, matrix: Matrix, store: Store) -> Iterator[tuple[int, int]]:
    """Cells still to be measured, smallest first; evaluated again after each job."""
    for nodes in sorted(matrix.nodes):
        if nodes > arm.most_nodes:
            return
        for repeat in range(1, matrix.repeats + 1):
            known = store.valid(arm, nodes)
            took_s = sum(run.gone_s or 0.0 for run in known)
            may_go_on = repeat <= matrix.least_repeats or took_s < matrix.cell_limit_s
            if may_go_on and repeat not in {run.repeat for run in known}:
                yield nodes, repeat


def _outcome(run: Run) -> str:
    if run.status is not Status.VALID:
        return f"failed, {run.pods_lost} pods lost: {run.error}"
    return (
        f"all {run.pods} pods ran after {run.pods_running_s:.1f} s, terminal after "
        f"{run.terminal_s:.1f} s, gone after {run.gone_s:.1f} s"
    )
