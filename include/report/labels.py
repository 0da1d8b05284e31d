"""Words for columns and operators, the same in every table, figure and page."""

from __future__ import annotations

from include import adapters, k8s_operators

QUANTITY_TITLES = {
    "loop_time_s": "Loop time",
    "launcher_time_s": "Launcher time",
    "launch_overhead_s": "Launch overhead",
    "end_to_end_s": "End-to-end time",
    "broker_overhead_s": "Broker overhead",
    "creation_s": "Creation time",
    "delete_s": "Deletion time",
}
QUANTITY_MEANINGS = {
    "loop_time_s": "the application's own solver loop: the figure of merit",
    "launcher_time_s": "the launch command (mpirun, mpiexec or flux submit) from start to exit",
    "launch_overhead_s": "launcher time minus loop time: starting and ending the application",
    "end_to_end_s": "from the creation of the resource to its completion",
    "broker_overhead_s": "flux start minus flux submit: starting and ending Flux' broker",
    "creation_s": "from the creation of the resource until its last rank-carrying container runs",
    "delete_s": "from the request of the deletion until no pod is left",
}


def operator_title(name: str) -> str:
    """An operator's own title: `MPI Operator` for `mpi_operator`.

    What follows the name, as the study in `mpi_operator (run4)`, stays as it is.
    """
    adapter, space, rest = name.partition(" ")
    return adapters.title(k8s_operators, adapter) + space + rest


def count(n: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
