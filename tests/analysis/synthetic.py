"""Made-up records of a plausible study; nothing in them was measured."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from include.models import Binding, MpiImplementation, Record, Status

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOOP_S = {1: 2.7, 2: 1.6, 4: 1.05, 8: 0.8, 16: 0.7}
LAUNCH_S = {"mpi_operator": 0.55, "indexed_job": 0.45, "flux_operator": 0.35}


def record(**changes) -> Record:
    values = {
        "study_id": "demo-20260301",
        "point_id": "mpi-operator-2n-r1",
        "k8s_operator": "mpi_operator",
        "application": "lammps",
        "cluster": "local",
        "nodes": 2,
        "ranks_per_node": 1,
        "ranks": 2,
        "repeat": 1,
        "is_warmup": False,
        "phase": 1,
        "block": 1,
        "order_index": 1,
        "status": Status.VALID,
        "binding": Binding.NONE,
        "mpi_implementation": MpiImplementation.MPICH,
        "image": "localhost/lammps:synthetic",
        "image_digest": "sha256:" + "5a" * 32,
        "operator_version": "v0.8.2",
        "kubernetes_version": "v1.35.0",
        "node_names": ("node-0", "node-1"),
        "manifest_sha256": "ab" * 32,
        "code_version": "0.1.0+synthetic",
        "simulated": False,
        "order_seed": 1,
    }
    return Record.model_validate(values | changes)


def timed(rng: Random, **changes) -> Record:
    """A valid record with a timeline whose whole-second stamps are cut off, as the real ones."""
    operator, nodes = changes["k8s_operator"], changes["nodes"]
    loop = LOOP_S[nodes] * (1 + abs(rng.gauss(0, 0.03)))
    launcher = loop + LAUNCH_S[operator] * (1 + nodes / 8) * (1 + abs(rng.gauss(0, 0.1)))
    created = START + timedelta(seconds=20 * changes["order_index"])
    steps = [0.2, 0.1, 1.1 + 0.1 * nodes, 0.3, launcher - loop, loop, 0.1, 0.6, 1.0]
    instants = [created]
    for step in steps:
        instants.append(instants[-1] + timedelta(seconds=step * (1 + rng.random() / 10)))
    whole = [instant.replace(microsecond=0) for instant in instants]
    stamps = [*whole[:4], *instants[4:8], whole[8], whole[9]]
    seconds = [(b - a).total_seconds() for a, b in pairwise(stamps)]
    return record(
        ranks=nodes,
        loop_time_s=round(loop, 4),
        app_wall_time_s=float(int(loop)),
        launcher_time_s=round(launcher, 2),
        timesteps_per_s=round(100 / loop, 3),
        atom_steps_per_s=round(30400 / loop, 1),
        cpu_use_percent=99.5,
        pot_eng=-113.30058,
        created_at=stamps[0],
        pods_created_at=stamps[1],
        pods_scheduled_at=stamps[2],
        pods_running_at=stamps[3],
        launcher_started_at=stamps[4],
        app_started_at=stamps[5],
        app_finished_at=stamps[6],
        launcher_finished_at=stamps[7],
        completed_at=stamps[8],
        delete_requested_at=stamps[8],
        deleted_at=stamps[9],
        create_pods_s=seconds[0],
        schedule_s=seconds[1],
        start_pods_s=seconds[2],
        bootstrap_s=seconds[3] + seconds[4],
        app_s=seconds[5],
        shutdown_s=seconds[6],
        completion_lag_s=seconds[7],
        delete_s=seconds[8],
        end_to_end_s=(stamps[8] - stamps[0]).total_seconds(),
        log_sha256="cd" * 32,
        **changes,
    )


def study_records(
    *,
    operators=("mpi_operator", "indexed_job"),
    nodes=(1, 2),
    repeats=3,
    warmups=1,
    simulated=False,
    seed=1,
) -> tuple[Record, ...]:
    """All records of a study, warm-ups first in each cell, every run valid."""
    rng = Random(seed)  # noqa: S311 made-up data, no secret
    records = []
    for phase, operator in enumerate(operators, start=1):
        for block, count in enumerate(nodes, start=1):
            runs = [(True, i) for i in range(1, warmups + 1)]
            runs += [(False, i) for i in range(1, repeats + 1)]
            for is_warmup, repeat in runs:
                kind = "w" if is_warmup else "r"
                index = len(records) + 1
                records.append(
                    timed(
                        rng,
                        point_id=f"{operator.replace('_', '-')}-{count}n-{kind}{repeat}",
                        k8s_operator=operator,
                        nodes=count,
                        repeat=repeat,
                        is_warmup=is_warmup,
                        phase=phase,
                        block=block,
                        order_index=index,
                        simulated=simulated,
                    )
                )
    return tuple(records)
