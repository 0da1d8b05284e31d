"""The version of its controller that a point runs under, where a study compares several."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters, k8s_operators
from include.jobs import cleanup, controllers

if TYPE_CHECKING:
    from include.kube.client import Kube
    from include.models import ClusterHandle, Point, Study
    from include.results import Results

log = logging.getLogger(__name__)
NEEDED = " with "  # before the versions of controllers that an operator's own needs


def made_to_run(
    point: Point, *, study: Study, handle: ClusterHandle, kube: Kube, results: Results
) -> str:
    """The version that the point is measured under, which runs when this returns.

    Where arms of its operator differ in their controller, theirs is started anew before every
    point, also when it is the one of the point before: none has caches, or debts of its rate
    limits, that the others lack. A job that a lost worker left is removed first, as it may have run
    under another version.
    """
    version = results.operator_version(point.k8s_operator)  # of the one of the installation
    if not controllers.has_versions(study, point.k8s_operator):
        return version
    operator = k8s_operators.load(point.k8s_operator)
    cleanup.delete_point(kube, operator, point_id=point.point_id)
    controller = controllers.versions(study, point.k8s_operator)[point.variant]
    own = clusters.load(handle.cluster).exchange(handle, controller)
    log.info("%s: %s %s runs", point, controller.name, own)
    return own + "".join(version.partition(NEEDED)[1:])
