"""A cluster as a study's steps get it."""

from __future__ import annotations

from datetime import UTC, datetime

from include.models import ClusterHandle


def existing_cluster(image, **changes):
    """Somebody's cluster of two nodes, whose study has that image."""
    values = {
        "study_id": "demo-1",
        "cluster": "existing",
        "namespace": "demo-1",
        "nodes": 2,
        "expires_at": datetime(2099, 1, 1, tzinfo=UTC),
        "kubernetes_version": "v1.36.2",
        "instance_type": None,
        "image": image,
        "image_digest": None,
        "image_pull_policy": "IfNotPresent",
    }
    return ClusterHandle.model_validate(values | changes)
