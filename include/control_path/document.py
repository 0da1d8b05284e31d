"""`docs/control_path.md`: method, tables, figure, and a plain-language reading of the numbers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from include.control_path import many_text
from include.control_path.arms import BY_KUEUE
from include.control_path.cells import (
    STEP_TITLES,
    STEPS,
    largest_shared,
    medians,
    power,
    side_by_side,
    valid_runs,
)
from include.control_path.figure import draw
from include.control_path.made_with import provenance
from include.control_path.rows import BATCHES, REQUESTS, RUNS
from include.embedded import binaries
from include.errors import BenchmarkError
from include.files import write_page
from include.models import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from include.control_path.arms import Arm
    from include.control_path.rows import Measured
    from include.control_path.study import Matrix, Store

GROWTH_FROM = 64  # below it, the resolution of a second hides how a step grows
_HEADER = (
    *("nodes", "n", *STEP_TITLES.values(), "requests: operator", "controller-manager"),
    *("CPU s: operator", "controller-manager", "API server", "peak MiB: operator"),
)
_LIMITS = {
    "mpi_operator": "as it comes",
    "mpi_operator-fast-client": "with a faster client alone",
    "mpi_operator-fast": "with a faster queue too",
}
COMPARED = ("all_run", "notice", "delete")
_SECONDS = (*STEPS,)
_COUNTS = ("requests_operator", "requests_controller_manager")
_LOAD = ("cpu_operator_s", "cpu_controller_manager_s", "cpu_api_server_s", "peak_operator_mib")


def write(store: Store, matrix: Matrix, path: Path, *, load: str = "") -> None:
    """Write the document, its figure and a copy of the raw data beside it.

    `load` is a sentence on what else the machine was doing. BenchmarkError when no run is valid.
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
    for name in (RUNS, REQUESTS, BATCHES):
        if (store.folder / name).exists():
            (data / name).write_bytes((store.folder / name).read_bytes())
    write_page(path, _document(frame, table, store=store, matrix=matrix, names=names, load=load))


def _document(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    *,
    store: Store,
    matrix: Matrix,
    names: Mapping[str, str],
    load: str,
) -> str:
    environment = Environment(
        loader=PackageLoader("include.control_path", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    rows = [*store.runs, *store.batches]
    missing = [arm for arm in matrix.arms if arm.is_single and arm.name not in names]
    stood_in = [arm for arm in missing if _is_from_elsewhere(arm) and not arm.is_queued]
    return environment.get_template("document.md.j2").render(
        comparison=side_by_side(table, names, by="nodes", columns=COMPARED),
        elsewhere=elsewhere(rows),
        of_limits=of_limits(table),
        of_queue=of_queue(table, names=names),
        readings=[reading(table, arm=arm, title=title) for arm, title in names.items()],
        unfinished=[arm.title for arm in missing if arm not in stood_in],
        stood_in=[arm.title for arm in stood_in],
        lost=_lost(store),
        load=load,
        header=_HEADER,
        tables=[(title, _rows(table[table["arm"] == arm])) for arm, title in names.items()],
        cell_limit_s=f"{matrix.cell_limit_s:g}",
        least_repeats=min(matrix.least_repeats, matrix.repeats),
        many=_many(store, matrix),
        **provenance(frame, rows),
    )


def _many(store: Store, matrix: Matrix) -> dict[str, Any] | None:
    """Values of the chapter on many jobs at once; None without a complete batch."""
    table = many_text.medians(store.batches)
    names = {arm.name: arm.title for arm in matrix.arms}
    if table.empty:
        return None
    return {
        "nodes_per_job": int(table["nodes_per_job"].iloc[0]),
        "comparison": side_by_side(table, names, by="jobs", columns=many_text.COMPARED),
        "of_kueue": many_text.of_kueue(table),
        "header": many_text.HEADER,
        "tables": many_text.tables(table, names),
        "failures": many_text.failures(store.batches),
        "limit_s": f"{matrix.many_limit_s:g}",
    }


def _is_from_elsewhere(arm: Arm) -> bool:
    """True if the arm's controller is not built here and a stand-in replaces it."""
    return any(each.name not in binaries.PROGRAMS and not each.tool for each in arm.controllers)


def elsewhere(rows: Sequence[Measured]) -> str:
    """A sentence on what kept the machine busy beside the study, as each job's row has it."""
    busy = [row.cores_elsewhere for row in rows if row.cores_elsewhere is not None]
    if not busy:
        return ""
    unknown = len(rows) - len(busy)
    told = (
        f"While a job or a batch was measured, processes other than the study's kept "
        f"{median(busy):.2f} cores busy (median of {len(busy)}; at most {max(busy):.2f})"
    )
    if not unknown:
        return f"{told}."
    return f"{told}; for {unknown} older ones this was not measured."


def of_limits(table: pd.DataFrame) -> str:
    """Effect of each limit of the MPI Operator at the largest size that all its arms have."""
    nodes = largest_shared(table, _LIMITS, by="nodes", least=len(_LIMITS))
    if nodes is None:
        return ""
    at = table[table["nodes"] == nodes].set_index("arm").to_dict(orient="index")
    sentences = [
        f"{limits} all pods are created after {at[arm]['create']:.1f} s, and from the end of "
        f"the pods to the terminal state it takes {at[arm]['notice']:.1f} s"
        for arm, limits in _LIMITS.items()
    ]
    return f"Measured with {nodes:,} nodes: {'; '.join(sentences)}."


def of_queue(table: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Time to the admission by Kueue at the smallest and the largest size of each arm."""
    times = []
    for arm, title in names.items():
        own = table[(table["arm"] == arm) & table["admit"].notna()]
        if own.empty:
            continue
        ends = {int(row["nodes"]): row["admit"] for row in (own.iloc[0], own.iloc[-1])}
        told = " and ".join(f"{s:.2f} s with {nodes:,} nodes" for nodes, s in ends.items())
        times.append(f"{title.removesuffix(BY_KUEUE)} {told}")
    return f"A job is admitted after: {'; '.join(times)}." if times else ""


def reading(table: pd.DataFrame, *, arm: str, title: str) -> str:
    """Sentences on where an arm spends its time at its largest size, and how that grows."""
    own = table[table["arm"] == arm]
    most = own.iloc[-1]
    nodes = int(most["nodes"])
    step = max(most[[*STEPS]].dropna().index, key=lambda name: float(most[name]))
    return (
        f"**{title}**: at {nodes:,} nodes {_admission(most)}all pods run {most['all_run']:.1f} s "
        "after the creation, "
        f"{most['notice']:.1f} s pass from the end of the pods to the terminal state, and "
        f"{most['delete']:.1f} s from the deletion until all is gone. The longest step is "
        f"“{STEP_TITLES[step]}”: {most[step]:.1f} s, {1000 * most[step] / nodes:.0f} ms per "
        f"node{_growth(own, step)}. {_work(most, nodes=nodes)}"
    )


def _admission(most: pd.Series[Any]) -> str:
    return "" if pd.isna(most["admit"]) else f"it is admitted after {most['admit']:.2f} s, "


def _work(most: pd.Series[Any], *, nodes: int) -> str:
    busy = f"In all {most['busy_cores']:.1f} cores were busy."
    if pd.isna(most["cpu_operator_s"]):
        return (
            "Kubernetes' controller-manager does it all: "
            f"{most['requests_controller_manager'] / nodes:.1f} requests per node, "
            f"{most['cpu_controller_manager_s']:.1f} s of CPU. {busy}"
        )
    return (
        f"Its controller sent {most['requests_operator'] / nodes:.1f} requests per node, used "
        f"{most['cpu_operator_s']:.1f} s of CPU and at most {most['peak_operator_mib']:.0f} "
        "MiB; the controller-manager sent "
        f"{most['requests_controller_manager'] / nodes:.1f} per node beside. {busy}"
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


def _lost(store: Store) -> str:
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
        *("-" if pd.isna(row[name]) else f"{row[name]:.2f}" for name in _SECONDS),
        *(f"{row[name]:,.0f}" for name in _COUNTS),
        *("-" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in _LOAD),
    ]
