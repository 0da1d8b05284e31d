"""Records with plausible, synthetic values for tests."""

from __future__ import annotations

from include.models import Record


def record(**changes):
    values = {
        "study_id": "demo-1",
        "point_id": "demo-1-mpi-operator-1n-r1",
        "k8s_operator": "mpi_operator",
        "application": "lammps",
        "cluster": "local",
        "nodes": 1,
        "ranks_per_node": 1,
        "ranks": 1,
        "repeat": 1,
        "is_warmup": False,
        "phase": 1,
        "block": 1,
        "order_index": 1,
        "status": "valid",
        "binding": "none",
        "mpi_implementation": "mpich",
        "image": "synthetic",
        "operator_version": "v0.8.2",
        "kubernetes_version": "v1.36.2",
        "manifest_sha256": "0" * 64,
        "code_version": "test",
        "simulated": False,
        "order_seed": 1,
    }
    return Record(**{**values, **changes})
