"""Refusals of controller versions that a kind of cluster cannot run, before one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.embedded import programs
from include.errors import ClusterError, StudyError
from include.jobs import controllers
from include.kube.kinds import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from include.kube.kinds import Controller
    from include.models import Study

WHERE = "operator_options.{name}.controller"
PROCESSES = frozenset({Origin.PINNED, Origin.PROGRAM, Origin.MODULE})
PODS = frozenset({Origin.PINNED, Origin.MANIFEST})


def require_processes(study: Study, *, flux_operator: str | None) -> None:
    """StudyError for versions that are no programs here, or not there: no stand-in is compared."""
    remedy = "controllers run as processes here: give a program's path or a version of the module"
    _require(study, PROCESSES, remedy=remedy)
    for name, controller in _chosen(study):
        try:
            is_there = programs.can_be_had(controller, named=flux_operator)
        except ClusterError as err:
            raise StudyError(f"{WHERE.format(name=name)}: {err}") from err
        if not is_there:
            msg = f"no program {controller.name} {controller.version} on this machine"
            raise StudyError(f"{WHERE.format(name=name)}: {msg}")


def require_manifests(study: Study) -> None:
    """StudyError for versions that are no manifests: a cluster of pods runs no program of ours."""
    remedy = "controllers run as pods there: give a manifest as https://…#sha256=<64 hex digits>"
    _require(study, PODS, remedy=remedy)


def _require(study: Study, possible: Collection[Origin], *, remedy: str) -> None:
    for name, controller in _chosen(study):
        if controller.origin not in possible:
            shown = controller.program or controller.version
            raise StudyError(f"{WHERE.format(name=name)}: {shown} on {study.cluster}: {remedy}")


def _chosen(study: Study) -> Iterator[tuple[str, Controller]]:
    """Versions of operators whose controller the study chooses."""
    for name in study.operators:
        versions = set(controllers.versions(study, name).values())
        if len(versions) > 1 or any(each.origin is not Origin.PINNED for each in versions):
            yield from ((name, each) for each in sorted(versions, key=str))
