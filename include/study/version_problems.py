"""Versions of controllers that cannot be compared in one phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.jobs import controllers
from include.models import Design

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.models import Study


def version_problems(study: Study) -> Iterator[str]:
    """One line for each controller with several versions that serves another operator as well."""
    if study.design is not Design.INTERLEAVED:
        return
    for name in study.operators:
        if not controllers.has_versions(study, name):
            continue
        own = next(iter(controllers.versions(study, name).values())).name
        for other in study.operators:
            needed = controllers.of_study(study, (other,))
            if other != name and own in {each.name for each in needed}:
                yield (
                    f"operator_options.{name}.controller: {other} needs {own} too, and would run "
                    f"under the version of the point before: leave {other} out, or use swap"
                )
