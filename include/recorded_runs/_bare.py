"""A run of which a log and a few facts are known: what most layouts make of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError
from include.recorded_runs import Run, _lammps
from include.recorded_runs._logs import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from include.recorded_runs._lammps import Reading


def run_of(
    log: Path,
    *,
    name: str,
    measure: Callable[[], Reading],
    nodes: int | None,
    ranks: int | None = None,
    fields: Mapping[str, Any] | None = None,
    more: Callable[[], Mapping[str, Any]] = dict,
) -> Run:
    """The run; what `measure` or `more` (further measured fields) raise is its error.

    `ranks`: for a run that does not tell them itself. `fields`: known whatever became of it.
    """
    known = {"log_sha256": sha256(log), "simulated": _lammps.is_synthetic(log), **(fields or {})}
    try:
        measured = measure()
        figures = {**measured.fields, **more()}
    except BenchmarkError as err:
        return Run(name=name, file=log, nodes=nodes, ranks=ranks, error=err, fields=known)
    return Run(
        name=name,
        file=log,
        nodes=nodes,
        ranks=measured.ranks,
        fields={**known, **figures},
        text_sha256=measured.text_sha256,
    )


def name_below(log: Path, root: Path) -> str:
    """The log's path below the experiment's folder, without its ending."""
    return log.relative_to(root).with_suffix("").as_posix()


def root_above_sizes(log: Path) -> Path:
    """The folder that holds folders of sizes (`size32`, `size-4`), or else the log's own."""
    for folder in log.parents:
        if folder.name.startswith("size") and any(c.isdigit() for c in folder.name):
            return folder.parent
    return log.parent
