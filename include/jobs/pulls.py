"""Image pulls while a job was timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.kube.image_pull import PULLING, images_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from include.jobs.spec import Job


def pulls_in(
    events: Iterable[dict[str, Any]] | None, *, job: Job, pods: Mapping[str, dict[str, Any]]
) -> int | None:
    """The number of pulls for the job's own containers, None when its events are unknown.

    A container is the job's by its name or by its image: operators add some with the job's images,
    and a mirror may rename an image. Injected ones do not count.
    """
    if events is None:
        return None
    quoted = [f'"{image}"' for image in images_in(job.objects())]
    names = {f"Pod/{name}": job.operator.container_of(pod) for name, pod in pods.items()}

    def is_own(event: dict[str, Any]) -> bool:
        is_named = event.get("container") in {None, names.get(event["object"])}
        return is_named or any(image in event["message"] for image in quoted)

    return len([event for event in events if event["reason"] == PULLING and is_own(event)])
