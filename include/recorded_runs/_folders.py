"""Finds the experiments in folders, and names what belongs to none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.recorded_runs import layouts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from include.recorded_runs import Source


@dataclass(frozen=True, kw_only=True)
class Found:
    """The experiments below some folders."""

    sources: tuple[Source, ...]
    strangers: tuple[Path, ...]  # files that belong to no layout


def find(folders: Sequence[Path]) -> Found:
    """Every experiment below the folders; StudyError for no folder, or none with an experiment."""
    files = _files(folders)
    sources = tuple(source for layout in layouts() for source in layout.find(files))
    if not sources:
        names = ", ".join(str(folder) for folder in folders)
        known = ", ".join(layout.title for layout in layouts())
        raise StudyError(f"no experiment found in {names}; known layouts: {known}")
    claimed = {file for source in sources for file in (*source.logs, *source.others)}
    strangers = tuple(file for file in files if file not in claimed)
    return Found(sources=sources, strangers=strangers)


def _files(folders: Sequence[Path]) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise StudyError(f"{folder} is not a folder; give the folders of experiments")
    given = [folder.resolve() for folder in folders]
    return sorted({path for folder in given for path in folder.rglob("*") if path.is_file()})


def study_names(roots: Sequence[Path], *, folders: Sequence[Path]) -> tuple[str, ...]:
    """A name per experiment: the folder that was given and the path below it; all different."""
    names = [_name(root, [folder.resolve() for folder in folders]) for root in roots]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(unique)


def _name(root: Path, folders: Sequence[Path]) -> str:
    above = [folder for folder in folders if root.is_relative_to(folder)]
    if not above:  # the folder that was given is a part of the experiment
        return root.name
    folder = max(above, key=lambda folder: len(folder.parts))
    return "/".join([folder.name, *root.relative_to(folder).parts])


def shown(files: Sequence[Path], *, folders: Sequence[Path]) -> tuple[str, ...]:
    """The files by the name of the folder that was given and the path below it."""
    given = [folder.resolve() for folder in folders]
    return tuple(_name(file, given) for file in files)
