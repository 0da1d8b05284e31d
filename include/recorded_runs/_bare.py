"""A run known from a log and a few facts, as most layouts have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.errors import BenchmarkError
from include.recorded_runs import Run, _readings
from include.recorded_runs._logs import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from include.recorded_runs._readings import Reading


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
    """The run; errors of `measure` or `more` (further measured fields) become its error.

    `ranks` is for a run that does not give them itself, `fields` are known in any case.
    """
    known = {"log_sha256": sha256(log), "simulated": _readings.is_synthetic(log), **(fields or {})}
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


def by_experiment(
    logs: Iterable[Path], folder_of: Callable[[Path], Path]
) -> dict[Path, tuple[Path, ...]]:
    """The logs of each experiment in their order, by the experiment's folder."""
    experiments: dict[Path, list[Path]] = {}
    for log in logs:
        experiments.setdefault(folder_of(log), []).append(log)
    return {folder: tuple(own) for folder, own in experiments.items()}


def name_below(log: Path, root: Path) -> str:
    """The log's path below the experiment's folder, without its suffix."""
    return log.relative_to(root).with_suffix("").as_posix()


def root_above_sizes(log: Path) -> Path:
    """The folder with the folders of sizes (`size32`, `size-4`), or else the log's own."""
    for folder in log.parents:
        if folder.name.startswith("size") and any(c.isdigit() for c in folder.name):
            return folder.parent
    return log.parent
