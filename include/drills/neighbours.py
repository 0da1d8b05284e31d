"""Harms by other studies and other checkouts on the same machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include import clusters
from include.embedded.paths import STATE_VARIABLE
from include.errors import BenchmarkError, ClusterError
from include.project import ROOT
from include.results import Results
from include.study import preflight, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.drills.scene import Scene

CLEAN_LIMIT_S = 120.0


def second_study(scene: Scene) -> Iterator[float]:
    """Start a second study on the same cluster: it is refused, naming the first one, and ends."""
    with tempfile.TemporaryDirectory() as name:
        results = _planned(scene, scene.cluster.name, Path(name))
        reservation = steps.reserve(results)
        try:
            preflight.preflight(results)
        except ClusterError as err:
            if scene.reservation.study_id not in str(err):
                raise
        else:
            raise BenchmarkError("the second study was not refused")
        scene.cluster.delete(reservation)
    yield from ()


def other_cluster(scene: Scene) -> Iterator[float]:
    """Create and remove another simulated cluster on the machine."""
    with tempfile.TemporaryDirectory() as name:
        results = _planned(scene, "simulated", Path(name))
        reservation = steps.reserve(results)
        try:
            steps.provision(results, reservation)
            yield 2.0
        finally:
            steps.destroy(reservation, open_results=lambda: results)


def clean_elsewhere(scene: Scene) -> Iterator[float]:  # noqa: ARG001
    """Run `make clean` for another state folder."""
    with tempfile.TemporaryDirectory() as name:
        environment = {**os.environ, STATE_VARIABLE: f"{name}/state"}
        command = [str(ROOT / "bin" / "opbench"), "clean"]
        subprocess.run(  # noqa: S603  our own program; it may refuse
            command, env=environment, check=False, timeout=CLEAN_LIMIT_S, capture_output=True
        )
    yield from ()


def _planned(scene: Scene, cluster: str, folder: Path) -> Results:
    params: dict[str, Any] = {
        "name": "second",
        "cluster": cluster,
        "cluster_options": dict(clusters.load(cluster).drill),
        "nodes": [2],
        "operators": ["mpi_operator"],
    }
    steps.plan_study(
        params,
        run_id=f"beside {scene.reservation.study_id}",
        locate=lambda _: folder,
        most_phases=1,
        most_points=100,
    )
    return Results(folder)
