"""Removal of what a study installed on somebody's cluster, unless others use it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from include import k8s_operators
from include.errors import TeardownError
from include.k8s_operators import LABEL_STUDY
from include.kube import installation
from include.project import cache_dir

if TYPE_CHECKING:
    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.kube.kinds import Controller


def remove(kube: Kube, controller: Controller, *, study_id: str) -> None:
    """Remove of the controller what the study installed.

    TeardownError when jobs of others need it by now: they would be deleted with their definition.
    """
    for operator in _operators():
        if operator.controller == controller:
            _refuse_while_used(kube, operator, controller, study_id=study_id)
    installation.uninstall(kube, controller, study_id=study_id, cache=cache_dir())


def remove_all(kube: Kube, *, study_id: str) -> None:
    """The same for each controller that a phase was cut off before it could remove."""
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
    except ApiException:  # the kind is not served yet: the run was cut off in its installation
        return []
    return [
        f"{operator.resource.kind} {job['metadata']['namespace']}/{job['metadata']['name']}"
        for job in jobs
        if job["metadata"].get("labels", {}).get(LABEL_STUDY) != study_id
    ]
