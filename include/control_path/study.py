"""The whole study: every arm in its turn, jobs of each size, each result kept at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from include.control_path import lab, rows
from include.control_path.rows import REQUESTS, RUNS, RequestCount, Run
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
    least_repeats: int = 2  # but as many at least: one job alone says nothing of their spread
    job_limit_s: float
    cluster_nodes: int | None = None  # None: as many as the largest job needs
    flux_operator: str | None = None
    control_plane_qps: int = 200

    def options(self) -> Options:
        """The simulated cluster that it needs: pods start at once, and nothing plays in them."""
        return Options(
            nodes=self.cluster_nodes or max(self.nodes),
            start_s=0.0,
            pull_s=0.0,
            is_audited=True,
            plays=False,
            flux_operator=self.flux_operator,
            control_plane_qps=self.control_plane_qps,
        )


class Store:
    """The two CSV files of a folder; a study that was cut off goes on with what they have."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.runs = rows.read(folder / RUNS, Run)
        self._requests = rows.read(folder / REQUESTS, RequestCount)

    def add(self, run: Run, requests: list[RequestCount]) -> None:
        """Keep a run; an earlier, failed one of its cell and repeat is replaced."""
        self.runs = [known for known in self.runs if known.cell != run.cell] + [run]
        others = [r for r in self._requests if (r.arm, r.nodes, r.repeat) != run.cell]
        self._requests = others + requests
        rows.write(self.folder / REQUESTS, self._requests, RequestCount)
        rows.write(self.folder / RUNS, self.runs, Run)

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
        for run in self.runs:
            if (run.cluster_nodes, run.control_plane_qps) != wanted:
                msg = (
                    f"{self.folder} has runs of a cluster with {run.cluster_nodes} nodes and a "
                    f"control plane of {run.control_plane_qps} requests/s, not {wanted[0]} and "
                    f"{wanted[1]}: give another folder, or --cluster-nodes"
                )
                raise BenchmarkError(msg)


def measure(matrix: Matrix, store: Store) -> int:
    """Measure what the store lacks; how many jobs went wrong. Everything is deleted at the end."""
    store.refuse_other(matrix)
    options = matrix.options()
    wanted = [arm for arm in matrix.arms if lab.has_program(arm, options)]
    for arm in set(matrix.arms) - set(wanted):
        log.warning("%s: %s", arm.name, NOT_MEASURED)
    due = [arm for arm in wanted if any(_due(arm, matrix, store))]
    if not due:
        log.info("nothing to measure: %s has it all", store.folder)
        return 0
    log.info("starting a control plane and %d simulated nodes", options.nodes)
    failed = 0
    with lab.ready(options) as place:
        for name, group in groupby(due, key=lambda arm: arm.k8s_operator):
            arms = tuple(group)
            with place.installed(name) as version:
                log.info("%s: %s", name, version)
                # Not kept: caches fill, and the garbage collector gets to know a new kind.
                place.measure(arms[0], **_warm_up(matrix), version=version)
                for arm in arms:
                    failed += _measure_arm(place, arm, matrix, store, version=version)
    return failed


def _warm_up(matrix: Matrix) -> dict[str, Any]:
    return {"nodes": min(matrix.nodes), "repeat": matrix.repeats + 1, "limit_s": WARM_UP_LIMIT_S}


def _measure_arm(place: Lab, arm: Arm, matrix: Matrix, store: Store, *, version: str) -> int:
    failed = 0
    for nodes, repeat in _due(arm, matrix, store):
        run, requests = place.measure(
            arm, nodes=nodes, repeat=repeat, version=version, limit_s=matrix.job_limit_s
        )
        store.add(run, requests)
        failed += run.status is not Status.VALID
        log.info("%s, %d nodes, repeat %d: %s", arm.name, nodes, repeat, _said(run))
    return failed


def _due(arm: Arm, matrix: Matrix, store: Store) -> Iterator[tuple[int, int]]:
    """Cells that are still to be measured, smallest first; asked again after each job."""
    for nodes in sorted(matrix.nodes):
        if nodes > arm.most_nodes:
            return
        for repeat in range(1, matrix.repeats + 1):
            known = store.valid(arm, nodes)
            took_s = sum(run.gone_s or 0.0 for run in known)
            may_go_on = repeat <= matrix.least_repeats or took_s < matrix.cell_limit_s
            if may_go_on and repeat not in {run.repeat for run in known}:
                yield nodes, repeat


def _said(run: Run) -> str:
    if run.status is not Status.VALID:
        return f"failed, {run.pods_lost} pods lost: {run.error}"
    return (
        f"all {run.pods} pods ran after {run.pods_running_s:.1f} s, terminal after "
        f"{run.terminal_s:.1f} s, gone after {run.gone_s:.1f} s"
    )
