"""Fields of a study that its kind of cluster cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.models import Study


def cluster_problems(study: Study) -> Iterator[str]:
    """One line for each field that would be silently ignored."""
    if study.image_pull_secret is not None and not clusters.load(study.cluster).pulls_images:
        yield f"image_pull_secret: nodes of the cluster {study.cluster} pull no image; leave it out"
