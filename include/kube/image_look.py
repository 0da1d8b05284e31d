"""Runs one short command in an image on the cluster, and returns its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include import waiting
from include.errors import ClusterError
from include.kube import image_pull, sidecars
from include.kube.kinds import POD
from include.parsers.kubelet_log import split_stamp
from include.parsers.lines import lines_of
from include.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.kube.client import Kube
    from include.models import Placement


CONTAINER = "look"
LIMIT_S = 90.0
POLL_S = 0.2
NO_SHELL = ("executable file not found", "no such file or directory")


class NotLooked(ClusterError):
    """The pod did not run in time, or its log was unavailable: nothing is known of the image."""


class NothingStarts(ClusterError):
    """Error of an image in which no shell can be started."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The image, the nodes for its pods, and the command."""

    study_id: str
    image: str
    pull_policy: str
    command: tuple[str, ...]
    place: Placement
    environment: Mapping[str, str]
    pull_secret: str | None = None


def look(kube: Kube, request: Request) -> tuple[str, ...]:
    """The lines printed by the command; the pod is gone afterwards.

    NothingStarts for an image without a shell; NotLooked when nothing can be said.
    """
    pod = _pod(kube, request)
    name = pod["metadata"]["name"]
    _remove(kube, name)
    kube.create(pod)
    try:
        _wait(kube, name)
        text = kube.read_log(name, container=CONTAINER)
    finally:
        _remove(kube, name)
    return tuple(split_stamp(line)[1] for line in lines_of(text))


def _pod(kube: Kube, request: Request) -> dict[str, Any]:
    (made,) = render(
        "image_look.yaml.j2",
        name=f"{request.study_id}-look"[:63],
        namespace=kube.namespace,
        # Label of the pods that pull images: they are removed together.
        labels={image_pull.LABEL: request.study_id} | sidecars.NONE_BY_LABEL,
        annotations=sidecars.NONE_BY_ANNOTATION,
        container=CONTAINER,
        image=request.image,
        pull_policy=request.pull_policy,
        pull_secret=request.pull_secret,
        place=request.place,
        command=list(request.command),
        variables=[{"name": name, "value": value} for name, value in request.environment.items()],
    )
    return made


def _remove(kube: Kube, name: str) -> None:
    """Delete the pod, which may be a lost worker's, and wait until it is gone."""
    kube.delete(POD, name, grace_s=0)
    for _ in waiting.looks(limit_s=LIMIT_S, poll_s=POLL_S):
        if kube.get(POD, name) is None:
            return


def _wait(kube: Kube, name: str) -> None:
    for _ in waiting.looks(limit_s=LIMIT_S, poll_s=POLL_S):
        pod = kube.get(POD, name)
        if pod is None:
            raise NotLooked("the pod that was to look into it is gone")
        state = _state(pod)
        if "terminated" in state:
            _refuse_unstarted(state["terminated"])
            return
        _refuse_unstarted(state.get("waiting", {}))
    raise NotLooked(f"the pod that was to look into it did not end within {LIMIT_S:.0f} s")


def _state(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    states = [each.get("state", {}) for each in statuses if each["name"] == CONTAINER]
    return {name: value for state in states for name, value in state.items() if value is not None}


def _refuse_unstarted(state: dict[str, Any]) -> None:
    message = str(state.get("message", ""))
    if any(words in message for words in NO_SHELL):
        raise NothingStarts(f"nothing can be started in it, not even sh: {message}")
