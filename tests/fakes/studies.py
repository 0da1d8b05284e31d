"""Studies on the fake cluster that need no knowledge of its jobs."""

from __future__ import annotations


def small_study(folder, *, nodes):
    """Params of a study with two operators; results and the cluster's journal are in `folder`."""
    return {
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a", "indexed_job"],
        "nodes": [nodes],
        "results": str(folder),
        "cluster_options": {"journal": str(folder / "journal")},
    }


def two_phases(folder):
    """Params of a warm-up and a repeat in each of two phases, for a DAG's run."""
    return {
        "cluster": "fake",
        "application": "fake_application",
        "operators": ["fake_a", "fake_b"],
        "nodes": [2],
        "repeats": 1,
        "warmups": 1,
        "design": "swap",  # `dag.test` keeps what an earlier run was given
        "repeats_min": None,
        "results": str(folder / "results"),
        "cluster_options": {"journal": str(folder / "journal")},
    }
