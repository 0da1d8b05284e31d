"""Brings images to all nodes before anything is timed, and verifies that they are there."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from include import waiting
from include.errors import ClusterError, TeardownError
from include.kube import sidecars
from include.kube.kinds import DAEMON_SET, EVENT, POD
from include.kube.node_image import NodeImage
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.kube.client import Kube
    from include.models import Placement

log = logging.getLogger(__name__)

LABEL = "operator-benchmark/image-pull"  # the study that pulls
CONTAINER = "image-"  # start of its containers' names; others are injected and do not count
LIMIT_S = 1500.0  # 5.3 GB on each of 65 nodes behind one address
ERROR_S = 120.0  # grace for a registry that refuses a node: kubelets retry
GONE_S = 120.0
POLL_S = 1.0
HOPELESS = "InvalidImageName"
REFUSED = {HOPELESS, "ErrImagePull", "ImagePullBackOff"}
PULLING, PULLED = "Pulling", "Pulled"  # reasons of the kubelet's events


@dataclass(frozen=True, kw_only=True)
class Request:
    """The images to pull, and the nodes to pull them on."""

    study_id: str
    images: tuple[str, ...]
    placements: tuple[Placement, ...]  # placements of the pods that will use the images
    least_nodes: int
    pull_secret: str | None = None  # name of a Secret in the namespace


def begin(kube: Kube, request: Request) -> None:
    """Let every node pull every image, including later nodes; `finish` waits for it."""
    remove(kube, request.study_id)
    kube.create(_daemon_set(kube, request))
    log.info("pulling %s on all nodes", ", ".join(request.images))


def finish(kube: Kube, request: Request) -> tuple[NodeImage, ...]:
    """Wait until every node has every image, and remove the pods again.

    ClusterError naming node and reason when an image cannot be had, when nodes still lack one
    after 25 minutes, or when they got different images under one name.
    """
    try:
        images = _wait(kube, request)
    finally:
        remove(kube, request.study_id)
    _refuse_mixture(images)
    return images


def remove(kube: Kube, study_id: str) -> None:
    """Delete what `begin` made, and wait until no pod is left; TeardownError if one remains."""
    selector = f"{LABEL}={study_id}"
    try:
        kube.delete_all(DAEMON_SET, selector=selector)
    except ApiException as err:  # the namespace is gone with everything in it
        log.info("nothing to take away: %s", err.reason)
        return
    for _ in waiting.looks(limit_s=GONE_S, poll_s=POLL_S):
        left = [pod["metadata"]["name"] for pod in kube.list(POD, selector=selector).items]
        if not left:
            return
        kube.delete_all(POD, selector=selector)
    raise TeardownError(f"pods that pulled images stay: {', '.join(left)}")


def images_in(objects: Iterable[Any]) -> tuple[str, ...]:
    """Every image in Kubernetes objects, each once, in order."""
    return tuple(dict.fromkeys(_images(list(objects))))


def _images(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["image"]] if isinstance(value.get("image"), str) else []
        return own + [each for inner in value.values() for each in _images(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _images(inner)]
    return []


def _daemon_set(kube: Kube, request: Request) -> dict[str, Any]:
    tolerations = [each for placement in request.placements for each in placement.tolerations]
    (made,) = render(
        "image_pull.yaml.j2",
        name=f"{request.study_id}-images"[:63],
        namespace=kube.namespace,
        labels={LABEL: request.study_id},
        pod_labels={LABEL: request.study_id} | sidecars.NONE_BY_LABEL,
        pod_annotations=sidecars.NONE_BY_ANNOTATION,
        prefix=CONTAINER,
        images=list(request.images),
        pull_secret=request.pull_secret,
        tolerations=[each for n, each in enumerate(tolerations) if each not in tolerations[:n]],
        node_terms=_node_terms(request.placements),
    )
    return made


def _node_terms(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """Terms of which a node must meet one; empty when any node will do."""
    if any(not placement.node_selector for placement in placements):
        return []
    return [
        {
            "matchExpressions": [
                {"key": key, "operator": "In", "values": [value]}
                for key, value in placement.node_selector.items()
            ]
        }
        for placement in placements
    ]


def _wait(kube: Kube, request: Request) -> tuple[NodeImage, ...]:
    """The images on the nodes, once every node has all of them."""
    selector = f"{LABEL}={request.study_id}"
    refused_since: dict[str, float] = {}
    shown = 0
    for _ in waiting.looks(limit_s=LIMIT_S, poll_s=POLL_S):
        pods = kube.list(POD, selector=selector).items
        wanted = max(_scheduled(kube, selector), request.least_nodes)
        incomplete = [pod for pod in pods if not _has_all(pod)]
        if (ready := len(pods) - len(incomplete)) != shown:
            log.info("%d of %d nodes have their images", ready, wanted)
            shown = ready
        if len(pods) >= wanted and not incomplete:
            return _node_images(kube, pods)
        _stop_if_refused(pods, refused_since)
    names = ", ".join(map(_where, incomplete)) or f"{wanted - len(pods)} nodes without a pod"
    raise ClusterError(f"images are not there after {LIMIT_S:.0f} s: {names}")


def _scheduled(kube: Kube, selector: str) -> int:
    sets = kube.list(DAEMON_SET, selector=selector).items
    return sum(each.get("status", {}).get("desiredNumberScheduled", 0) for each in sets)


def _statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    listed = pod.get("status", {}).get("containerStatuses", [])
    return [status for status in listed if status["name"].startswith(CONTAINER)]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in pod["spec"]["containers"] if each["name"].startswith(CONTAINER)]


def _has_all(pod: dict[str, Any]) -> bool:
    """True if each container was created, which needs its image even if it could not start."""
    ready = [status for status in _statuses(pod) if _has_image(status)]
    return len(ready) == len(_containers(pod))


def _has_image(status: dict[str, Any]) -> bool:
    """True by its name, or because it runs or ran: simulated nodes give images no name."""
    return bool(status.get("imageID")) or bool({"running", "terminated"} & set(_state(status)))


def _state(status: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = status.get("state", {})
    return {name: what for name, what in state.items() if what is not None}


def _stop_if_refused(pods: Sequence[dict[str, Any]], since: dict[str, float]) -> None:
    """ClusterError for an image that a node could not get for two minutes."""
    now = time.monotonic()
    refused = {}
    for pod in pods:
        for status in _statuses(pod):
            waiting = _state(status).get("waiting", {})
            if waiting.get("reason") in REFUSED:
                refused[f"{pod['metadata']['name']}/{status['name']}"] = (pod, status, waiting)
    for gone in since.keys() - refused.keys():
        del since[gone]
    for key, (pod, status, waiting) in refused.items():
        first = since.setdefault(key, now)
        if waiting["reason"] == HOPELESS or now - first > ERROR_S:
            refusal = waiting.get("message") or waiting["reason"]
            msg = f"node {_where(pod)} cannot pull {status.get('image')}: {refusal}"
            raise ClusterError(msg)


def _where(pod: dict[str, Any]) -> str:
    return str(pod["spec"].get("nodeName") or pod["metadata"]["name"])


def _node_images(kube: Kube, pods: Sequence[dict[str, Any]]) -> tuple[NodeImage, ...]:
    """The images on each node, with the instants from the kubelets' events."""
    at: dict[tuple[str, str, str], str] = {}
    for event in kube.list(EVENT).items:
        place = event["involvedObject"]
        path = place.get("fieldPath", "")
        stamp = event.get("lastTimestamp") or event.get("eventTime")
        if stamp:
            at[place.get("name", ""), path, event.get("reason", "")] = stamp
    return tuple(
        NodeImage(
            node=_where(pod),
            image=wanted["image"],
            digest=_digest(status),
            pulling_at=_instant(at, pod, wanted, PULLING),
            pulled_at=_instant(at, pod, wanted, PULLED),
        )
        for pod in pods
        for wanted in _containers(pod)
        for status in _statuses(pod)
        if status["name"] == wanted["name"]
    )


def _instant(
    at: dict[tuple[str, str, str], str], pod: dict[str, Any], wanted: dict[str, Any], reason: str
) -> Any:
    return at.get((pod["metadata"]["name"], f"spec.containers{{{wanted['name']}}}", reason))


def _digest(status: dict[str, Any]) -> str | None:
    _, at, digest = status.get("imageID", "").rpartition("@")
    return digest if at else None


def _refuse_mixture(images: Sequence[NodeImage]) -> None:
    """ClusterError when one name means different images on different nodes."""
    for image in dict.fromkeys(each.image for each in images):
        digests = sorted({str(each.digest) for each in images if each.image == image})
        if len(digests) > 1:
            msg = (
                f"nodes have different images named {image}: {', '.join(digests)}; "
                "name the image by its digest"
            )
            raise ClusterError(msg)
