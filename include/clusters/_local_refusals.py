"""Refusals of the local cluster that are known before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include import applications, k8s_operators
from include.clusters import _versions
from include.embedded import flux_view, image, machine, programs
from include.errors import ClusterError, StudyError
from include.jobs import controllers
from include.models import Binding, MpiImplementation

if TYPE_CHECKING:
    from include.k8s_operators import K8sOperator
    from include.kube.kinds import Controller
    from include.models import Study


def refuse(
    study: Study, *, node_count: int, flux_operator: str | None, view_source: str | None
) -> None:
    """StudyError for anything that the cluster's nodes, or this machine, lack."""
    _versions.require_processes(study, flux_operator=flux_operator)
    _refuse_what_is_not_at_hand(study, flux_operator=flux_operator, view_source=view_source)
    _refuse_foreign_image(study)
    _refuse_foreign_mpi(study)
    _refuse_more_ranks_than_cores(study, node_count=node_count)


def _refuse_what_is_not_at_hand(
    study: Study, *, flux_operator: str | None, view_source: str | None
) -> None:
    """StudyError for an operator whose controller, or launcher, is not on this machine."""
    for name in study.operators:
        operator = k8s_operators.load(name)
        try:
            lacking = [
                no_program(each)
                for each in controllers.of_study(study, (name,))
                if not programs.can_be_had(each, named=flux_operator)
            ]
            if operator.launcher_image:
                lacking += _lacking_view(operator, study, view_source)
        except ClusterError as err:
            lacking = [str(err)]
        if lacking:
            msg = f"{name} cannot run on the local cluster: {'; '.join(lacking)}; or leave it out"
            raise StudyError(msg)


def _lacking_view(operator: K8sOperator, study: Study, source: str | None) -> list[str]:
    view = flux_view.at_hand(source)
    if view is None:
        return [f"no view image of Flux: {flux_view.ADVICE}"]
    variants = operator.variant_options(study.operator_options.get(operator.name, {}))
    images = dict.fromkeys(map(operator.launcher_image_with, variants))
    return [
        f"view_image {image}: the nodes have {view.reference} ({view.source}) and pull none; "
        f"name another one in `cluster_options.flux_view`"
        for image in images
        if image not in (operator.launcher_image, view.reference)
    ]


def no_program(controller: Controller) -> str:
    """Sentence that a controller has no program here, and what to do."""
    return (
        f"no program {controller.name}: put it on PATH, name it in "
        f"`cluster_options.flux_operator`, or build it with `make flux`"
    )


def _refuse_foreign_image(study: Study) -> None:
    """StudyError for an image that the nodes do not have, as they pull none."""
    own = image.reference()
    foreign = [each for each in k8s_operators.images(study) if each != own]
    if foreign:
        msg = (
            f"image {foreign[0]}: the local cluster's nodes have {own} and pull none; leave "
            f"`image` out, or use cluster `existing`"
        )
        raise StudyError(msg)


def _refuse_foreign_mpi(study: Study) -> None:
    """StudyError for an MPI that the image's applications were not built for."""
    built_for = applications.load(study.application).mpi_implementations
    if not built_for and study.mpi_implementation is not MpiImplementation.MPICH:
        msg = (
            f"mpi_implementation {study.mpi_implementation}: the applications of the local "
            f"cluster's own image are built for {MpiImplementation.MPICH}"
        )
        raise StudyError(msg)


def _refuse_more_ranks_than_cores(study: Study, *, node_count: int) -> None:
    """StudyError when ranks need a core each and a node has too few: none would run."""
    cores = cores_of(node_count)
    plural = "s" if cores > 1 else ""
    too_many = f"{study.ranks_per_node} ranks on a node of {cores} core{plural}; lower "
    if study.binding is Binding.CORE and study.ranks_per_node > cores:
        msg = f"binding {study.binding}: {too_many}`ranks_per_node`, or set `binding` to none"
        raise StudyError(msg)
    cores = machine.physical_cores(machine.this_machine(), node_count=node_count)
    for name in study.operators:
        if k8s_operators.load(name).needs_core_per_rank and study.ranks_per_node > cores:
            msg = (
                f"{name}: {study.ranks_per_node} ranks on a node of {cores} physical "
                f"core{'s' if cores > 1 else ''}, and its launcher gives each rank one of its own: "
                f"lower `ranks_per_node`, or leave {name} out"
            )
            raise StudyError(msg)


def cores_of(node_count: int) -> int:
    """The cores that each node has for pods."""
    return int(machine.for_pods(machine.this_machine(), node_count=node_count)["cpu"])
