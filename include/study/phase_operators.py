"""The operators of a phase: installed, cleared of jobs, removed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from include import clusters, k8s_operators
from include.jobs import cleanup
from include.jobs import controllers as needed
from include.study import images, queueing

if TYPE_CHECKING:
    from include.models import ClusterHandle, Phase, Study

log = logging.getLogger(__name__)


def install(handle: ClusterHandle, name: str, *, study: Study) -> str:
    """Install one operator, unless it needs no controller; returns the installed version.

    Where the study compares several, this is the first: each point has its own started later.
    """
    operator = k8s_operators.load(name)
    controllers = tuple(needed.versions(study, name).values())
    if not controllers:
        log.info("%s needs no controller", operator.name)
        return f"Kubernetes {handle.kubernetes_version}"
    version = clusters.load(handle.cluster).install_in_order(handle, controllers[0])
    log.info("%s %s is installed", operator.name, version)
    return version


def clear_jobs(handle: ClusterHandle, phase: Phase) -> None:
    """Delete everything that the phase's jobs left; TeardownError when a pod remains."""
    operators = [k8s_operators.load(name) for name in phase.operators]
    images.stop_pulling(handle)
    kube = clusters.load(handle.cluster).connect_guarded(handle)
    cleanup.clear_study(kube, operators, study_id=handle.study_id)


def remove(handle: ClusterHandle, phase: Phase, *, study: Study) -> None:
    """Remove the controllers of the phase's operators, with what each version of them brought.

    Its queue goes first.
    """
    queueing.remove(handle, phase, study=study)
    for controller in reversed(needed.of_study(study, phase.operators)):
        clusters.load(handle.cluster).uninstall(handle, controller)
        log.info("%s is uninstalled", controller.name)
