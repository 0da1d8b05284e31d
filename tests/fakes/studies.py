"""A study on the fake cluster that needs no knowledge of its jobs."""

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
