"""What the clusters have in common whose nodes pull the image that the study names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.k8s_operators import LABEL_STUDY

if TYPE_CHECKING:
    from include.kube.client import Kube
    from include.models import Reservation


def make_namespace(kube: Kube, reservation: Reservation) -> None:
    """Make the study's namespace, labelled as its own, unless it is there."""
    labels = {LABEL_STUDY: reservation.study_id}
    metadata = {"name": reservation.namespace, "labels": labels}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def named_digest(image: str) -> str | None:
    """The digest in an image's reference, None when it names the image by a tag alone."""
    return image.rpartition("@")[2] if "@" in image else None
