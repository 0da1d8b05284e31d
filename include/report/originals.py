"""The figures of the experiments of 2023 in their own definitions, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.report import boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.report.drawing import Drawing

PREFIX = "Original definition"
NOT_COMPARABLE = "not comparable between operators"
# Title, axis and explanation by name.
_FIGURES = {
    "cluster_time": (
        "creation and deletion of MiniClusters",
        "flux-cloud's run time minus flux submit",
        "It charges each run with the deletion of the run before",
    ),
    "start_submit_difference": (
        "flux start minus flux submit",
        "flux start minus flux submit",
        "Time around the submission within Flux",
    ),
    "submit_lammps_difference": (
        "flux submit minus LAMMPS wall time",
        "flux submit minus LAMMPS wall time",
        "LAMMPS prints its wall time in whole seconds",
    ),
    "end_to_end_walltime_fluxsubmit": (
        "flux submit against mpirun",
        "flux submit, or real time of mpirun",
        "The launch command from start to exit",
    ),
    "walltime": (
        "LAMMPS wall time",
        "LAMMPS total wall time",
        "Printed in whole seconds: never the figure of merit",
    ),
    "end_to_end_walltime_fluxstart": (
        f"flux start against MPI end-to-end, {NOT_COMPARABLE}",
        "flux start, or MPI Operator end-to-end",
        "Two different quantities: a process within the pods, and the life of an MPIJob",
    ),
    "end_to_end_overhead_mpi_operator": (
        "MPI end-to-end minus LAMMPS wall time",
        "MPI end-to-end minus LAMMPS wall time",
        "End-to-end begins when the operator first logs the job",
    ),
    "end_to_end_overhead_flux_operator": (
        "flux start minus LAMMPS wall time",
        "flux start minus LAMMPS wall time",
        "Without the creation of the pods",
    ),
}
COLUMNS = tuple(_FIGURES)


def original_quantities(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column per original figure, in seconds, NaN without a value.

    Needs `cluster_run_s` and `runner_end_to_end_s` besides a record's columns.
    """
    launcher, wall = frame["launcher_time_s"], _wall_time(frame)
    is_flux, is_mpi = frame["broker_time_s"].notna(), frame["runner_end_to_end_s"].notna()
    broker, end_to_end = frame["broker_time_s"], frame["runner_end_to_end_s"]
    return frame.assign(
        cluster_time=frame["cluster_run_s"] - launcher,
        start_submit_difference=broker - launcher,
        submit_lammps_difference=(launcher - wall).where(is_flux),
        end_to_end_walltime_fluxsubmit=launcher,
        walltime=wall,
        end_to_end_walltime_fluxstart=broker.where(is_flux, end_to_end),
        end_to_end_overhead_mpi_operator=(end_to_end - wall).where(is_mpi),
        end_to_end_overhead_flux_operator=(broker - wall).where(is_flux),
    )


def _wall_time(frame: pd.DataFrame) -> pd.Series[float]:
    """LAMMPS's own wall time; NaN for runs of other applications."""
    name = "app_wall_time_s"
    return frame[name] if name in frame else frame["launcher_time_s"] * float("nan")


def draw_originals(runs: pd.DataFrame, *, order: Sequence[str]) -> tuple[Drawing, ...]:
    """The original figures for which the runs have values; `runs` with `original_quantities`."""
    return tuple(
        boxes.draw(runs, _shown(name), order=order) for name in COLUMNS if runs[name].notna().any()
    )


def _shown(name: str) -> boxes.Boxes:
    title, axis, meaning = _FIGURES[name]
    return boxes.Boxes(
        name=f"original_{name}",
        column=name,
        title=f"{PREFIX}: {title}",
        axis=axis,
        from_zero=False,
        caption=(
            f"{meaning}. As the figure of 2023 defined it; runs are left out by its rule, only "
            f"those in folders with “_”, so a warm-up may be among them. {boxes.HOW_TO_READ} The "
            "axis does not begin at zero."
        ),
    )
