"""Cells of recorded runs, from which studies are resampled."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from include.analysis import table
from include.analysis.cells import counted
from include.analysis.quantities import primaries
from include.errors import StudyError
from include.recorded_runs import _folders, _records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Times = NDArray[np.float64]
    Pair = tuple[Times, Times]

LEAST_RUNS = 6


def read_cells(folders: Sequence[Path]) -> dict[tuple[str, int], Times]:
    """Loop times by cell, named by study and operator, and nodes; StudyError: none."""
    cells: dict[tuple[str, int], Times] = {}
    for folder in folders:
        sources = _folders.find([folder]).sources
        experiments = _records.in_order([source.read(lambda _: None) for source in sources])
        names = _folders.study_names(experiments, folders=[folder])
        imported = _records.to_records(experiments, names=names, published_rule=False)
        runs = counted(table.to_frame([run.record for run in imported]))
        figures = primaries(runs)
        for (name, operator, nodes), cell in runs.groupby(["study_id", "k8s_operator", "nodes"]):
            if figures and len(times := cell[figures[0].name].dropna().to_numpy()) >= LEAST_RUNS:
                cells[f"{folder.name}/{name}/{operator}", int(str(nodes))] = times
    if not cells:
        raise StudyError("no cell of these folders has enough valid runs with a loop time")
    return cells


def alike_in(first: Path, second: Path) -> list[Pair]:
    """The cells of two folders that should be alike, by size; StudyError without a common size."""
    ours, theirs = (
        {nodes: times for (_, nodes), times in read_cells([folder]).items()}
        for folder in (first, second)
    )
    pairs = [(ours[nodes], theirs[nodes]) for nodes in sorted(ours.keys() & theirs.keys())]
    if not pairs:
        raise StudyError(f"{first} and {second} have no size in common")
    return pairs


def pairs_by_size(cells: Mapping[tuple[str, int], Times]) -> list[Pair]:
    """The first two operators at each size that has two, in order of size."""
    sizes = sorted({nodes for _, nodes in cells})
    at_size = [[cells[key] for key in sorted(cells) if key[1] == nodes] for nodes in sizes]
    return [next(combinations(each, 2)) for each in at_size if len(each) > 1]
