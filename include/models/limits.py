"""Upper bounds of a study, shared by the trigger form and by the plan.

The values of a preset pass no form, so the plan checks the same bounds again. Lower bounds are in
`include.models.Study`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.errors import StudyError

if TYPE_CHECKING:
    from include.models import Study

POINT_TIMEOUT_S = 7200  # the task that runs a point has a time limit a little above this
MAXIMUM: dict[str, int] = {
    "nodes": 1000,
    "ranks_per_node": 1024,
    "repeats": 100,
    "warmups": 10,
    "seed": 2**31 - 1,
    "point_timeout_s": POINT_TIMEOUT_S,
    "max_usd": 100_000,
    "ttl_hours": 72,
}


def check_limits(study: Study) -> None:
    """Raise StudyError with one line per value that is above its bound."""
    given = study.model_dump()
    problems = [
        f"{name}: {value} is above the limit of {limit}"
        for name, limit in MAXIMUM.items()
        for value in _values(given[name])
        if value > limit
    ]
    if problems:
        raise StudyError("\n".join(problems))


def _values(given: Any) -> tuple[float, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, tuple | list) else (given,)
