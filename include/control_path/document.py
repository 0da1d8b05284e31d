"""`docs/control_path.md`: method, tables, figure, and what the numbers say in plain words."""

from __future__ import annotations

import os
import platform
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from include.control_path.cells import STEP_TITLES, STEPS, medians, power, valid_runs
from include.control_path.figure import draw
from include.control_path.rows import REQUESTS, RUNS
from include.embedded.binaries import KUBERNETES_VERSION
from include.embedded.paths import TOOLS
from include.errors import BenchmarkError
from include.models import Status
from include.provenance import code_version
from include.report.labels import operator_title

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from include.control_path.study import Matrix, Store

GROWTH_FROM = 64  # below, whole steps of a second or less hide how a step grows
_HEADER = (
    *("nodes", "n", *STEP_TITLES.values(), "requests: operator", "controller-manager"),
    *("CPU s: operator", "controller-manager", "API server", "peak MiB: operator"),
)
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
    return environment.get_template("document.md.j2").render(
        readings=[reading(table, arm=arm, title=title) for arm, title in names.items()],
        not_measured=[arm.title for arm in matrix.arms if arm.name not in names],
        whole=_whole(store),
        header=_HEADER,
        tables=[(title, _rows(table[table["arm"] == arm])) for arm, title in names.items()],
        cell_limit_s=f"{matrix.cell_limit_s:g}",
        **_provenance(frame),
    )


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
    return f", growing like nodes^{exponent:.2f} from {int(large['nodes'].min())} nodes on"


def _whole(store: Store) -> str:
    lost = sum(run.pods_lost for run in store.runs)
    failed = [run for run in store.runs if run.status is not Status.VALID]
    said = f"{len(store.runs)} jobs with {sum(run.pods for run in store.runs):,} pods"
    if not failed:
        return f"Of {said} no pod was lost."
    cells = ", ".join(f"{run.arm} with {run.nodes} nodes ({run.error})" for run in failed)
    return f"Of {said}: {lost} pods lost, {len(failed)} jobs failed and not counted: {cells}."


def _rows(own: pd.DataFrame) -> list[list[str]]:
    return [_cells(row) for row in own.to_dict(orient="records")]


def _cells(row: dict[Any, Any]) -> list[str]:
    return [
        *(f"{int(row['nodes']):,}", str(int(row["n"]))),
        *(f"{row[name]:.2f}" for name in _SECONDS),
        *(f"{row[name]:,.0f}" for name in _COUNTS),
        *("-" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in _LOAD),
    ]


def _provenance(frame: pd.DataFrame) -> dict[str, Any]:
    versions = frame.groupby("k8s_operator", sort=False)["operator_version"].unique()
    kwok = re.search(r"sigs\.k8s\.io/kwok (v\S+)", (TOOLS / "kubernetes/go.mod").read_text())
    return {
        "measured_on": " and ".join(sorted({str(at)[:10] for at in frame["started_at"]})),
        "code_version": code_version(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "kubernetes": KUBERNETES_VERSION,
        "kwok": kwok[1] if kwok else "of an unknown version",
        "cluster_nodes": f"{int(frame['cluster_nodes'].iloc[0]):,}",
        "control_plane_qps": int(frame["control_plane_qps"].iloc[0]),
        "versions": "; ".join(
            f"{operator_title(str(name))}: {', '.join(found)}" for name, found in versions.items()
        ),
    }
