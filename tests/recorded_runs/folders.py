"""SYNTHETIC experiment folders in the layouts of 2023; nothing in them was measured."""

import json
from pathlib import Path

from tests.parsers.synthetic_logs import EVENTS_AFTER, EVENTS_BEFORE, FOOTER, LAMMPS_2021

RANKS = 4  # of the synthetic log
COMMAND = "lmp -in in.some.problem -nocite"
SUBMIT = (
    "flux start -o --config x flux mini submit -N {nodes} -n 4 -ompi=openmpi@5{bound} {command}\n"
)
BOUND = " -c 1 -o cpu-affinity=per-task"
LAUNCH = "+ mpirun --allow-run-as-root --mca a b -np 4 --bind-to none {command}\n"
SIZE = "-minicluster-size-"


def loop_of(record):
    """A record's loop time, None without one."""
    return record.figures.get("loop_time_s")


def lammps(loop_s=44.004):
    return LAMMPS_2021.replace("Loop time of 44.004", f"Loop time of {loop_s}")


def flux_log(*, nodes=2, loop_s=44.004, submit="0:50.21", start="0:51.04", bound=BOUND):
    times = f"FLUXTIME fluxsubmit wall time {submit}\nFLUXTIME fluxstart wall time {start}\n"
    command = SUBMIT.format(nodes=nodes, bound=bound, command=COMMAND)
    stamp = "#   ****  Generated on 2023-02-09 00:51:39 by CZMQ  ****\n"
    return stamp + command + EVENTS_BEFORE + lammps(loop_s) + EVENTS_AFTER + times


def mpi_log(*, pods=2, loop_s=44.004, real="53.04", scheduler="default-scheduler"):
    footer = FOOTER.replace("Ranks: 188, pods: 2", f"Ranks: 4, pods: {pods}")
    footer = footer.replace("default-scheduler", scheduler)
    launch = LAUNCH.format(command=COMMAND)
    return launch + lammps(loop_s) + f"real {real}\nuser 0.55\nsys 0.72\n" + footer


def flux_folder(root: Path, names=("lmp-2-1", "lmp-2-2"), *, meta=True) -> Path:
    """An experiment; `lmp-2-1` ran on 2 nodes. Names in the order of their runs."""
    for index, name in enumerate(names):
        nodes = int(name.split("-")[1])
        write(root / f"{name}{SIZE}{nodes}" / "log.out", flux_log(nodes=nodes, loop_s=40 + index))
    if meta:
        write_meta(root, [name.removeprefix("_") for name in names])
    return root


def write_meta(root: Path, names) -> None:
    sizes = {name: int(name.split("-")[1]) for name in names}
    meta = {
        "times": {f"minicluster-run-{n}{SIZE}{sizes[n]}": 80.5 + i for i, n in enumerate(names)},
        "size": 3,
        "machine": "some.large",
        "kubernetes": {"version": "1.23"},
        "minicluster": {"name": "lammps", "size": sorted(set(sizes.values()))},
        "jobs": {n: {"command": COMMAND, "tasks": RANKS, "size": sizes[n]} for n in names},
    }
    write(root / "meta.json", json.dumps(meta))


def mpi_folder(root: Path, logs=None) -> Path:
    for index, text in enumerate(logs or [mpi_log(), mpi_log(loop_s=45.0)]):
        name = f"lammps_{index:012x}_default-scheduler_2023-02-08_T2347_{index:02d}.out"
        write(root / "logs" / name, text)
    return root


def baseline_row(**changes):
    values = {
        "scheduler": "default-scheduler",
        "ranks": 188,
        "startup_time": 58.6,
        "runtime": 2.02,
        "lammps_time": 45.0,
        "end_to_end_time": 60.67,
        "FOM": 11445731.3,
        "timesteps/s": 2.298,
        "max_ppn": 1,
        "real": 52.58,
        "zones": 1,
        "pods": 2,
    }
    return values | changes


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
