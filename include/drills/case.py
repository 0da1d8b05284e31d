"""One case of the fault matrix: a harm, its moment, and the expected outcome."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from include import clusters
from include.drills import harm
from include.drills.outcome import Promise
from include.drills.scene import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from include.drills.harm import Harm
    from include.models import Record

LOCAL, SIMULATED = "local", "simulated"


def two_points(cluster: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The params of the study under attack: two small points with these cluster options."""
    return {
        "name": "faults",
        "cluster": cluster,
        "cluster_options": {**clusters.load(cluster).drill, **options},
        "nodes": [2],
        "operators": ["mpi_operator"],
        "warmups": 0,
        "repeats": 2,
    }


def no_complaint(records: Iterable[Record]) -> list[str]:  # noqa: ARG001
    """Return no complaints, for cases whose records need no special check."""
    return []


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault in a study of two points."""

    name: str
    does: Harm = harm.nothing
    at: Moment = Moment.AT_WORK
    promise: Promise = field(default_factory=Promise)
    params: Mapping[str, Any] = field(default_factory=dict)  # of the study, besides the drill's own
    options: Mapping[str, Any] = field(default_factory=dict)  # of the cluster
    only: str | None = None  # the only cluster that the case is for
    is_quick: bool = False
    needs_root: bool = False
    disk_mib: int | None = None  # size of a separate disk for the results
    judges: Callable[[Iterable[Record]], list[str]] = no_complaint  # complaints about the records
    is_reported: bool = False  # the report is written too
    is_repeated: bool = False  # the study runs a second time, which must change no record
    ends_run: bool = False  # the harm kills the run itself; the study is then removed by its note

    def fits(self, cluster: str) -> bool:
        """True if this user can play the case on the cluster."""
        return self.only in {None, cluster} and (not self.needs_root or os.geteuid() == 0)
