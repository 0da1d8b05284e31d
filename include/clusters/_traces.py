"""Names of a study's objects on a shared cluster, found by its labels."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include.k8s_operators import LABEL_STUDY, _kueue
from include.kube import image_pull, installation
from include.kube.answers import AccessRefused
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.kube.client import Kube, Listing


def of_jobs(kube: Kube, study_id: str) -> tuple[str, ...]:
    """The study's pods, its namespace and its queue."""
    selector = f"{LABEL_STUDY}={study_id}"
    return (
        *_names("pod", kube.list(POD, selector=selector)),
        *_names("pod", kube.list(POD, selector=f"{image_pull.LABEL}={study_id}")),
        *_names("namespace", kube.list(NAMESPACE, selector=selector)),
        *_of_queue(kube, study_id),
    )


def of_controllers(kube: Kube, study_id: str) -> tuple[str, ...]:
    """Namespaces and definitions that the study installed."""
    installed = f"{installation.OWNER_LABEL}={study_id}"
    return (
        *_names("namespace", kube.list(NAMESPACE, selector=installed)),
        *_names("definition", kube.list(CUSTOM_RESOURCE_DEFINITION, selector=installed)),
    )


def _of_queue(kube: Kube, study_id: str) -> Iterator[str]:
    """The study's queue; empty where there are no queues, or none that the study may see."""
    for kind in _kueue.KINDS:
        with suppress(ApiException, AccessRefused):
            yield from _names(kind.kind, kube.list(kind, selector=f"{LABEL_STUDY}={study_id}"))


def _names(kind: str, listing: Listing) -> list[str]:
    return [f"{kind}/{obj['metadata']['name']}" for obj in listing.items]
