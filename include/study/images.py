"""Pre-pull a phase's images on every node; record which node pulled what, and when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters
from include.cost.stretches import PULL
from include.jobs.spec import job_of
from include.kube import image_pull
from include.kube.image_pull import Request, images_in
from include.results import step_times

if TYPE_CHECKING:
    from include.kube.client import Kube
    from include.models import ClusterHandle, Phase, Plan
    from include.results import Results

log = logging.getLogger(__name__)
NEVER_PULLED = "Never"  # image_pull_policy of a cluster whose nodes already have the image


def begin_pulling(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Let nodes pull every image of the phase's jobs as soon as they join."""
    if _pulls(handle, phase):
        image_pull.begin(_kube(handle), _request(results, handle, phase))


def finish_pulling(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Wait until every node for the phase's jobs has their images, and store the pulls.

    No timed job then pulls, and all nodes have the same image: ClusterError otherwise.
    """
    if not _pulls(handle, phase):
        return
    wanted = _request(results, handle, phase)
    # A pull may take half of a lease, of which the workers have already used some.
    clusters.load(handle.cluster).keep(handle)
    with step_times.timed(lambda: results, f"{PULL}-{phase.phase}"):
        images = image_pull.finish(_kube(handle), wanted)
    results.write_json(f"images/phase-{phase.phase}.json", [each.to_json() for each in images])
    log.info("%d images are on all %d nodes", len(wanted.images), len({e.node for e in images}))


def _pulls(handle: ClusterHandle, phase: Phase) -> bool:
    return handle.image_pull_policy != NEVER_PULLED and bool(phase.points)


def _kube(handle: ClusterHandle) -> Kube:
    return clusters.load(handle.cluster).connect(handle)


def _request(results: Results, handle: ClusterHandle, phase: Phase) -> Request:
    return Request(
        study_id=handle.study_id,
        images=_images(results.plan(), handle, phase),
        placements=(handle.launcher, handle.worker),
        least_nodes=handle.nodes,
        pull_secret=handle.image_pull_secret,
    )


def stop_pulling(handle: ClusterHandle) -> None:
    """Remove the DaemonSet that a lost worker left behind."""
    if handle.image_pull_policy != NEVER_PULLED:
        image_pull.remove(_kube(handle), handle.study_id)


def _images(plan: Plan, handle: ClusterHandle, phase: Phase) -> tuple[str, ...]:
    """Images in the objects of one job of each operator and variant: the others use the same."""
    first = {point.arm: point for point in reversed(phase.points)}
    objects = [
        obj
        for point in first.values()
        for obj in job_of(point, study=plan.study, handle=handle).objects()
    ]
    return images_in(objects)
