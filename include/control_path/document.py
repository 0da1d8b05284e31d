"""`docs/control_path.md`: method, tables, figure, and what the numbers say in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from include import k8s_operators
from include.control_path.cells import STEP_TITLES, STEPS, medians, power, valid_runs
from include.control_path.figure import draw
from include.control_path.made_with import provenance
from include.control_path.rows import REQUESTS, RUNS
from include.embedded import binaries
from include.errors import BenchmarkError
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.control_path.arms import Arm
    from include.control_path.study import Matrix, Store

GROWTH_FROM = 64  # below, whole steps of a second or less hide how a step grows
LEAST_FOR_A_COMPARISON = 2
_HEADER = (
    *("nodes", "n", *STEP_TITLES.values(), "requests: operator", "controller-manager"),
    *("CPU s: operator", "controller-manager", "API server", "peak MiB: operator"),
)
_LIMITS = {
    "mpi_operator": "as it comes",
    "mpi_operator-fast-client": "with a faster client alone",
    "mpi_operator-fast": "with a faster queue too",
}
_SECONDS = (*STEPS,)
_COUNTS = ("requests_operator", "requests_controller_manager")
_LOAD = ("cpu_operator_s", "cpu_controller_manager_s", "cpu_api_server_s", "peak_operator_mib")


def write(store: Store, matrix: Matrix, path: Path) -> None:
    """Write the document, its figure and a copy of the raw data beside it.

    BenchmarkError when no run is valid.
    """
    frame = valid_runs(store.runs)
    if frame.empty:
        raise BenchmarkError(f"{store.folder} has no valid run to write about")
    is_own = frame["cpu_operator_s"].notna()
    own = frame["cpu_operator_s"].where(is_own, frame["cpu_controller_manager_s"])
    frame = frame.assign(cpu_of_its_own=own.astype("float64"))
    table = medians(frame)
    names = {arm.name: arm.title for arm in matrix.arms if arm.name in set(table["arm"])}
    images = path.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    drawing = draw(frame, table, labels=names)
    (images / "control_path.png").write_bytes(drawing.png)
    data = path.parent / "control_path"
    data.mkdir(exist_ok=True)
    for name in (RUNS, REQUESTS):
        (data / name).write_bytes((store.folder / name).read_bytes())
    path.write_text(_document(frame, table, store=store, matrix=matrix, names=names))


def _document(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    *,
    store: Store,
    matrix: Matrix,
    names: Mapping[str, str],
) -> str:
    environment = Environment(
        loader=PackageLoader("include.control_path", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown, of our own numbers
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    missing = [arm for arm in matrix.arms if arm.name not in names]
    stood_in = [arm for arm in missing if _is_from_elsewhere(arm)]
    return environment.get_template("document.md.j2").render(
        in_short=in_short(table, names=names),
        of_limits=of_limits(table),
        readings=[reading(table, arm=arm, title=title) for arm, title in names.items()],
        unfinished=[arm.title for arm in missing if arm not in stood_in],
        stood_in=[arm.title for arm in stood_in],
        whole=_whole(store),
        header=_HEADER,
        tables=[(title, _rows(table[table["arm"] == arm])) for arm, title in names.items()],
        cell_limit_s=f"{matrix.cell_limit_s:g}",
        least_repeats=min(matrix.least_repeats, matrix.repeats),
        **provenance(frame),
    )


def _is_from_elsewhere(arm: Arm) -> bool:
    """True if a stand-in replaces the arm's controller, which is not built here."""
    controller = k8s_operators.load(arm.k8s_operator).controller
    return controller is not None and controller.name not in binaries.PROGRAMS


def in_short(table: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """The arms at the largest size side by side; empty where only one arm has it."""
    nodes = int(table["nodes"].max())
    largest = table[table["nodes"] == nodes].set_index("arm")["all_run"]
    times = [f"{title} {largest[arm]:.1f} s" for arm, title in names.items() if arm in largest]
    if len(times) < LEAST_FOR_A_COMPARISON:
        return ""
    return f"From the creation until all pods of {nodes:,} nodes run: {'; '.join(times)}."


def of_limits(table: pd.DataFrame) -> str:
    """The effect of each limit of the MPI Operator, at the largest size that all its arms have."""
    cells = table[table["arm"].isin(_LIMITS)]
    every: list[int] = cells["nodes"].astype("int64").unique().tolist()
    sizes = [nodes for nodes in every if (cells["nodes"] == nodes).sum() == len(_LIMITS)]
    if not sizes:
        return ""
    at = cells[cells["nodes"] == max(sizes)].set_index("arm").to_dict(orient="index")
    told = [
        f"{limits} all pods are created after {at[arm]['create']:.1f} s, and from the end of "
        f"the pods to the terminal state it takes {at[arm]['notice']:.1f} s"
        for arm, limits in _LIMITS.items()
    ]
    return f"Measured with {max(sizes):,} nodes: {'; '.join(told)}."


def reading(table: pd.DataFrame, *, arm: str, title: str) -> str:
    """Where the time of an arm goes at its largest size, and how it grows."""
    own = table[table["arm"] == arm]
    most = own.iloc[-1]
    nodes = int(most["nodes"])
    step = max(STEPS, key=lambda name: float(most[name]))
    return (
        f"**{title}**: at {nodes:,} nodes all pods run {most['all_run']:.1f} s after the creation, "
        f"{most['notice']:.1f} s pass from the end of the pods to the terminal state, and "
        f"{most['delete']:.1f} s from the deletion until all is gone. The longest step is "
        f"“{STEP_TITLES[step]}”: {most[step]:.1f} s, {1000 * most[step] / nodes:.0f} ms per "
        f"node{_growth(own, step)}. {_work(most, nodes=nodes)}"
    )


def _work(most: pd.Series[Any], *, nodes: int) -> str:
    if pd.isna(most["cpu_operator_s"]):
        return (
            "Kubernetes' controller-manager does it all: "
            f"{most['requests_controller_manager'] / nodes:.1f} requests per node, "
            f"{most['cpu_controller_manager_s']:.1f} s of CPU."
        )
    return (
        f"Its controller sent {most['requests_operator'] / nodes:.1f} requests per node, used "
        f"{most['cpu_operator_s']:.1f} s of CPU and at most {most['peak_operator_mib']:.0f} "
        "MiB; the controller-manager sent "
        f"{most['requests_controller_manager'] / nodes:.1f} per node beside."
    )


def _growth(own: pd.DataFrame, step: str) -> str:
    large = own[own["nodes"] >= GROWTH_FROM]
    exponent = power(large["nodes"], large[step])
    if pd.isna(exponent):
        return ""
    return (
        f"; from {int(large['nodes'].min())} nodes on twice as many take {2**exponent:.1f} times "
        f"as long (nodes^{exponent:.2f})"
    )


def _whole(store: Store) -> str:
    lost = sum(run.pods_lost for run in store.runs)
    failed = [run for run in store.runs if run.status is not Status.VALID]
    sizes = f"{len(store.runs)} jobs with {sum(run.pods for run in store.runs):,} pods"
    if not failed:
        return f"Of {sizes} no pod was lost."
    cells = ", ".join(f"{run.arm} with {run.nodes} nodes ({run.error})" for run in failed)
    return f"Of {sizes}: {lost} pods lost, {len(failed)} jobs failed and not counted: {cells}."


def _rows(own: pd.DataFrame) -> list[list[str]]:
    return [_cells(row) for row in own.to_dict(orient="records")]


def _cells(row: dict[Any, Any]) -> list[str]:
    return [
        *(f"{int(row['nodes']):,}", str(int(row["n"]))),
        *(f"{row[name]:.2f}" for name in _SECONDS),
        *(f"{row[name]:,.0f}" for name in _COUNTS),
        *("-" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in _LOAD),
    ]
