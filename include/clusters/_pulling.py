"""Shared code of clusters whose nodes pull the image that the study names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import ClusterError
from include.k8s_operators import LABEL_STUDY
from include.kube.kinds import SECRET

if TYPE_CHECKING:
    from include.kube.client import Kube
    from include.models import Reservation, Study


PULL_LABEL = "operator-benchmark/pull-secret"  # the study that made it
PULL_SECRET = "operator-benchmark-pull"  # noqa: S105  a name


def pull_secret(kube: Kube, reservation: Reservation, study: Study) -> str | None:
    """Name of the Secret that the study's pods pull images with, None when it needs none.

    A path names a Docker configuration on this machine: it becomes a Secret that is deleted with
    the study, and is stored nowhere else. ClusterError when it cannot be read.
    """
    given = study.image_pull_secret
    if given is None or not {"/", "~"} & set(given):
        return given
    try:
        text = Path(given).expanduser().read_text()
        json.loads(text)["auths"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        msg = f"image_pull_secret: {given} is no Docker configuration with `auths`: {err!r}"
        raise ClusterError(msg) from err
    labels = {PULL_LABEL: reservation.study_id}  # no job's: it must outlive each of them
    metadata = {"name": PULL_SECRET, "namespace": reservation.namespace, "labels": labels}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    kube.apply({**kind, "metadata": metadata, "stringData": {".dockerconfigjson": text}})
    return PULL_SECRET


def remove_pull_secret(kube: Kube, study_id: str) -> None:
    """Delete the Secret that the study made, where its namespace stays."""
    kube.delete_all(SECRET, selector=f"{PULL_LABEL}={study_id}")


def make_namespace(kube: Kube, reservation: Reservation) -> None:
    """Make the study's namespace, labelled as its own, unless it is there."""
    labels = {LABEL_STUDY: reservation.study_id}
    metadata = {"name": reservation.namespace, "labels": labels}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def named_digest(image: str) -> str | None:
    """The digest in an image's reference, None when it names the image by a tag alone."""
    return image.rpartition("@")[2] if "@" in image else None
