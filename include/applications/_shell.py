"""Shell code for programs that do not print their result, or read it from a file, on rank 0."""

from __future__ import annotations

# Open MPI; PMI of MPICH and Slurm; Flux. Unset: one process.
RANKS = """\
rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${FLUX_TASK_RANK:-0}}}
size=${OMPI_COMM_WORLD_SIZE:-${PMI_SIZE:-${FLUX_JOB_SIZE:-1}}}
"""


def on_each_rank(script: str, *values: object) -> tuple[str, ...]:
    """A command that runs the script with `$rank`, `$size`, and the values as `$1` and so on."""
    return ("bash", "-c", f"set -e\n{RANKS}{script}", "bash", *map(str, values))
