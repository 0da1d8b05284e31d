"""The MPI library of a study that names none: the one that its application is built for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include import applications
from include.errors import StudyError
from include.models import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD = "mpi_implementation"


def own_mpi(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The field that a study without an MPI library of its own needs; empty: its default is right.

    Empty for an unknown application too, which the plan refuses.
    """
    study = Study.model_fields
    try:
        application = applications.load(fields.get("application", study["application"].default))
    except StudyError:
        return {}
    known = application.mpi_implementations
    if not known or fields.get(FIELD, study[FIELD].default) in known:
        return {}
    return {FIELD: known[0].value}
