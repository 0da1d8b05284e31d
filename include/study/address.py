"""Address where a study's results are kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.project import ROOT

if TYPE_CHECKING:
    from include.models import Study


def results_root(study: Study) -> str:
    """Address of the studies' folder: the study's own, the installation's, or the project's.

    A path without a scheme is relative to the project's folder, as a worker's own is arbitrary.
    StudyError for an address with a password in it.
    """
    given = study.results or os.environ.get("OPERATOR_BENCHMARK_RESULTS") or "results"
    if _has_password(given):  # the message does not repeat it
        raise StudyError(
            "results: the address holds a key or password, which would be stored and shown; make "
            "an Airflow connection of it, and give `s3://connection@bucket/prefix`"
        )
    return given if "://" in given else (ROOT / given).resolve().as_uri()


def _has_password(address: str) -> bool:
    """True if the address contains `user:password@`; a password may contain slashes."""
    scheme, _, rest = address.rpartition("://")
    return scheme not in {"", "file"} and ":" in rest.rpartition("@")[0]
