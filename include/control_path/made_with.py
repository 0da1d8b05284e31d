"""The setup of a control-path measurement: machines, programs and their versions."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from include import k8s_operators
from include.analysis.labels import operator_title
from include.embedded.binaries import KUBERNETES_VERSION
from include.embedded.control_plane import CONTROLLERS, FEWER_COLLECTIONS
from include.embedded.paths import TOOLS
from include.project import code_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from include.control_path.rows import Measured

# `k8s.io/client-go` in upstream's go.mod, by version of the MPI Operator.
UPSTREAM_CLIENT_GO = {"v0.8.2": "v0.35.6"}
FLUX_MODULE_VERSION = "v0.0.0-20260628045112-0d75cef855de"


def provenance(frame: pd.DataFrame, rows: Sequence[Measured]) -> dict[str, Any]:
    """The document's values on what was measured with: valid runs as a frame, and all rows."""
    versions = frame.groupby("k8s_operator", sort=False)["operator_version"].unique()
    flux = k8s_operators.load("flux_operator").controller
    mpi = k8s_operators.load("mpi_operator").controller
    return {
        "measured_on": " and ".join(sorted({f"{row.started_at:%Y-%m-%d}" for row in rows})),
        "code_version": code_version(),
        "machines": machines(rows),
        "kubernetes": KUBERNETES_VERSION,
        "etcd": required("etcd", "go.etcd.io/etcd/server/v3"),
        "kwok": required("kubernetes", "sigs.k8s.io/kwok"),
        "client_go": required("kubernetes", "k8s.io/client-go"),
        "upstream_client_go": UPSTREAM_CLIENT_GO[mpi.version] if mpi else "",
        "gogc": FEWER_COLLECTIONS["GOGC"],
        "controllers": len(CONTROLLERS),
        "flux_program": f"{flux.go_module}@{FLUX_MODULE_VERSION}" if flux else "",
        "flux_commit": FLUX_MODULE_VERSION.rpartition("-")[2],
        "cluster_nodes": f"{int(frame['cluster_nodes'].iloc[0]):,}",
        "control_plane_qps": int(frame["control_plane_qps"].iloc[0]),
        "versions": "; ".join(
            f"{operator_title(str(name))}: {', '.join(names)}" for name, names in versions.items()
        ),
    }


def machines(rows: Sequence[Measured]) -> str:
    """The machines of the rows, the most used one first, with their shares if there are several."""
    known = Counter(row.machine for row in rows).most_common()
    if len(known) == 1:
        return known[0][0]
    return "; ".join(f"{name} ({n} of {len(rows)} jobs and batches)" for name, n in known)


def required(tool: str, module: str) -> str:
    """The version of a module that `tools/<tool>/go.mod` requires; LookupError without one."""
    text = (TOOLS / tool / "go.mod").read_text()
    match = re.search(rf"^(?:require|\t)\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if match is None:
        raise LookupError(f"tools/{tool}/go.mod requires no {module}")
    return match[1]
