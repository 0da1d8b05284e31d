"""SYNTHETIC experiment folders with as many logs and the sizes of run 6; nobody ran them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from include import applications

if TYPE_CHECKING:
    from pathlib import Path

LOOP_S = {64: 18.5, 32: 26.5, 16: 42.6, 8: 73.0}  # loop times by nodes, close to run 6's
NODES = tuple(LOOP_S)
RANKS_PER_NODE = 94
REPEATS = 20
_SIZE = {"x": 64, "y": 16, "z": 16}
_LAUNCH_S = 8.0


def write_folders(root: Path) -> None:
    """80 logs of the MPI runner and 81 of flux-cloud, one of these a warm-up, below `root`."""
    for number, nodes in enumerate(size for size in reversed(NODES) for _ in range(REPEATS)):
        stamp = f"2023-02-08_T{20 + number // 60:02d}{number % 60:02d}_00"
        path = root / "mpi" / "logs" / f"generated_{number:03d}_{stamp}.out"
        _write(path, [*_output(nodes, number), *_posix_time(nodes), *_footer(number, nodes)])
    names = [f"lmp-{n}-{i + 1}" for n in NODES for i in range(REPEATS + (n == NODES[0]))]
    times: dict[str, float] = {}
    for number, name in enumerate(names):
        nodes = int(name.split("-")[1])
        folder = f"{name}-minicluster-size-{nodes}"
        times[f"minicluster-run-{folder}"] = 2 * _LAUNCH_S + LOOP_S[nodes]
        _write(root / "flux" / folder / "log.out", [*_output(nodes, number), *_flux_times(nodes)])
    _write(root / "flux" / "meta.json", [json.dumps({"times": times, "jobs": {}})])


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _output(nodes: int, number: int) -> list[str]:
    application = applications.load("lammps")
    lines = application.synthetic_output(
        application.read_options(dict(_SIZE)),
        ranks=RANKS_PER_NODE * nodes,
        run_time_s=LOOP_S[nodes] * (1 + number % 7 / 1000),
    )
    return ["SYNTHETIC: nothing here was run", *(line.text for line in lines)]


def _posix_time(nodes: int) -> list[str]:
    return [f"real {LOOP_S[nodes] + _LAUNCH_S:.2f}", "user 0.50", "sys 0.50"]


def _flux_times(nodes: int) -> list[str]:
    submit_s = LOOP_S[nodes] + _LAUNCH_S
    return [
        f"FLUXTIME {name} wall time {seconds // 60:.0f}:{seconds % 60:05.2f}"
        for name, seconds in (("fluxsubmit", submit_s), ("fluxstart", submit_s + 1))
    ]


def _footer(number: int, nodes: int) -> list[str]:
    pods = range(nodes)
    job = f"generated-{number}"
    return [
        f"Mapping for job {number} for scheduler default-scheduler",
        *(f"{job}-worker-{pod} --> node-{pod}.example" for pod in pods),
        *(f"node-{pod}.example ran 1 pods in zone a" for pod in pods),
        (
            f"Ranks: {RANKS_PER_NODE * nodes}, pods: {nodes}, pods per node: Slots per pod: "
            f"{RANKS_PER_NODE}, GiB memory per pod: 340"
        ),
        "Launcher CPUs: 94, launcher memory in GiB: 340",
        f"MPIJob startup time for job {job} is 1.0 seconds",
        f"MPIJob runtime for job {job} is 1.0 seconds",
        f"MPIJob end-to-end time for job {job} {LOOP_S[nodes] + 2 * _LAUNCH_S:.1f} seconds",
    ]
