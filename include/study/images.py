"""The images of a phase's jobs: on all nodes before its first job, and stored who got what when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters
from include.cost.account import PULL
from include.jobs.spec import job_of
from include.kube import image_pull
from include.kube.image_pull import Request, images_in
from include.results import step_times

if TYPE_CHECKING:
    from include.models import ClusterHandle, Phase, Plan
    from include.results import Results

log = logging.getLogger(__name__)
NEVER_PULLED = "Never"  # the image_pull_policy of a cluster whose nodes have the image anyway


def pull_images(results: Results, handle: ClusterHandle, phase: Phase) -> None:
    """Bring every image of the phase's jobs to every node that they may use, and store it.

    So no timed job pulls, and all nodes have the same image: ClusterError otherwise.
    """
    if handle.image_pull_policy == NEVER_PULLED or not phase.points:
        return
    wanted = Request(
        study_id=handle.study_id,
        images=_images(results.plan(), handle, phase),
        placements=(handle.launcher, handle.worker),
        least_nodes=handle.nodes,
        pull_secret=handle.image_pull_secret,
    )
    kube = clusters.load(handle.cluster).connect(handle)
    with step_times.timed(lambda: results, f"{PULL}-{phase.phase}"):
        images = image_pull.pull(kube, wanted)
    results.write_json(f"images/phase-{phase.phase}.json", [each.to_json() for each in images])
    log.info("%d images are on all %d nodes", len(wanted.images), len({e.node for e in images}))


def stop_pulling(handle: ClusterHandle) -> None:
    """Take away what a worker that was lost while it pulled has left."""
    if handle.image_pull_policy != NEVER_PULLED:
        kube = clusters.load(handle.cluster).connect(handle)
        image_pull.remove(kube, handle.study_id)


def _images(plan: Plan, handle: ClusterHandle, phase: Phase) -> tuple[str, ...]:
    """Images in the objects of one job of each operator and variant: their others have the same."""
    first = {point.arm: point for point in reversed(phase.points)}
    objects = [
        obj
        for point in first.values()
        for obj in job_of(point, study=plan.study, handle=handle).objects()
    ]
    return images_in(objects)
