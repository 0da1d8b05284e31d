"""Checks of controllers on a shared cluster, and removal of those that the study installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include import k8s_operators
from include.checks import failed, passed
from include.clusters import _rights
from include.errors import TeardownError
from include.k8s_operators import LABEL_STUDY, _kueue
from include.kube import installation
from include.kube.kinds import CUSTOM_RESOURCE_DEFINITION, Origin
from include.project import cache_dir

if TYPE_CHECKING:
    from include.checks import Check
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.kube.kinds import Controller


def check(kube: Kube, controller: Controller, *, namespace: str) -> tuple[Check, ...]:
    """Checks of a controller's manifest unless it is installed, and the rights to it and its jobs.

    Of one that somebody else installed no study can choose the version.
    """
    jobs = _rights.for_jobs_of(kube, controller, namespace=namespace)
    if kube.get(CUSTOM_RESOURCE_DEFINITION, controller.crd_name):
        if controller.origin is Origin.MANIFEST:
            return (failed(controller.name, installation.of_others(controller)),)
        is_queue = controller == _kueue.CONTROLLER
        queue = (_rights.for_queue(kube, namespace=namespace),) if is_queue else ()
        return (passed(controller.name, "installed on the cluster"), jobs, *queue)
    manifest = installation.manifest_check(controller, cache=cache_dir())
    return (manifest, _rights.for_controller(kube, controller), jobs)


def remove(kube: Kube, controller: Controller, *, study_id: str) -> None:
    """Remove the parts of the controller that the study installed.

    TeardownError when jobs of others need it by now: they would be deleted with their definition.
    """
    for operator in _operators():
        if operator.controller and operator.controller.name == controller.name:
            _refuse_while_used(kube, operator, controller, study_id=study_id)
    installation.uninstall(kube, controller, study_id=study_id, cache=cache_dir())


def remove_all(kube: Kube, *, study_id: str) -> None:
    """Remove each controller that an interrupted phase left behind."""
    for operator in _operators():
        controller = operator.controller
        if controller and installation.is_begun(kube, controller, study_id=study_id):
            remove(kube, controller, study_id=study_id)


def _operators() -> list[K8sOperator]:
    return [k8s_operators.load(name) for name in k8s_operators.available()]


def _refuse_while_used(
    kube: Kube, operator: K8sOperator, controller: Controller, *, study_id: str
) -> None:
    if not installation.is_defined_by(kube, controller, study_id=study_id):
        return
    if of_others := _jobs_of_others(kube, operator, study_id=study_id):
        msg = (
            f"the {controller.name} that the study installed on the cluster stays, as others use "
            f"it: {', '.join(of_others)}; when they are done, remove it with "
            f"`kubectl delete -f {controller.manifest_url}`"
        )
        raise TeardownError(msg)


def _jobs_of_others(kube: Kube, operator: K8sOperator, *, study_id: str) -> list[str]:
    everywhere = replace(operator.resource, namespaced=False)
    try:
        jobs = kube.list(everywhere).items
    except ApiException:  # the kind is not served yet: the run was interrupted during installation
        return []
    return [
        f"{operator.resource.kind} {job['metadata']['namespace']}/{job['metadata']['name']}"
        for job in jobs
        if job["metadata"].get("labels", {}).get(LABEL_STUDY) != study_id
    ]
