"""Reasons why an application cannot run as a study asks, known before the cluster is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include import applications, clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.models import Study


def application_problems(study: Study) -> Iterator[str]:
    """Each problem: a program the cluster lacks, a different MPI, or a wrong rank count."""
    application, _ = applications.of_study(study)
    if study.image is None and (why := clusters.load(study.cluster).cannot_run(application)):
        yield f"application: {why}"
    known = application.mpi_implementations
    if known and study.mpi_implementation not in known:
        names = " or ".join(known)
        yield f"mpi_implementation: {application.title} is built for {names}; choose that"
    exact = application.exact_ranks
    wrong = [n for n in study.nodes if exact and n * study.ranks_per_node != exact]
    if wrong:
        yield (
            f"nodes: {application.title} runs with {exact} ranks, and {wrong[0]} nodes with "
            f"{study.ranks_per_node} each have {wrong[0] * study.ranks_per_node}"
        )
