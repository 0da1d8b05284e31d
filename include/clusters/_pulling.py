"""Base of clusters whose nodes pull the study's image: namespace and pull secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import ClusterError
from include.k8s_operators import LABEL_STUDY
from include.kube.answers import AccessRefused
from include.kube.kinds import NAMESPACE, SECRET

if TYPE_CHECKING:
    from include.kube.client import Kube
    from include.models import Reservation, Study


POD_SECURITY = "pod-security.kubernetes.io/enforce"
PULL_LABEL = "operator-benchmark/pull-secret"  # the study that made the secret
PULL_SECRET = "operator-benchmark-pull"  # noqa: S105  a name


def pull_secret(kube: Kube, reservation: Reservation, study: Study) -> str | None:
    """Name of the Secret that the study's pods pull images with, None without one.

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
    labels = {PULL_LABEL: reservation.study_id}  # not a job's: the Secret must outlive each job
    metadata = {"name": PULL_SECRET, "namespace": reservation.namespace, "labels": labels}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    kube.apply({**kind, "metadata": metadata, "stringData": {".dockerconfigjson": text}})
    return PULL_SECRET


def remove_pull_secret(kube: Kube, study_id: str) -> None:
    """Delete the study's Secret, for a namespace that stays."""
    kube.delete_all(SECRET, selector=f"{PULL_LABEL}={study_id}")


def make_namespace(kube: Kube, reservation: Reservation) -> None:
    """Make the study's namespace, labelled as its own, if it is missing."""
    labels = {LABEL_STUDY: reservation.study_id}
    metadata = {"name": reservation.namespace, "labels": labels}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def require_namespace(kube: Kube, name: str) -> None:
    """ClusterError when the namespace given by the study accepts none of its pods."""
    try:
        namespace = kube.get(NAMESPACE, name)
    except AccessRefused:  # a credential limited to the namespace cannot read it from outside
        return
    if namespace is None:
        raise ClusterError(f"there is no namespace {name}: make it, or name none")
    if namespace.get("status", {}).get("phase") == "Terminating":
        raise ClusterError(f"the namespace {name} is being deleted: wait for it, or name another")
    if namespace["metadata"].get("labels", {}).get(POD_SECURITY) == "restricted":
        msg = (
            f"the namespace {name} takes no pod that runs as root ({POD_SECURITY}: restricted), "
            f"and those of MPI do: name another, or none"
        )
        raise ClusterError(msg)


def named_digest(image: str) -> str | None:
    """The digest in an image's reference, None for a tag alone."""
    return image.rpartition("@")[2] if "@" in image else None
