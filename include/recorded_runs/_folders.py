"""Finds the experiments in folders, and names what belongs to none."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.recorded_runs import layouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.recorded_runs import Source


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is below some folders; names are those of a given folder and the path below it."""

    sources: tuple[Source, ...]
    strangers: tuple[str, ...] = ()  # files that belong to no layout, and empty folders
    problems: tuple[str, ...] = ()  # what could not be looked at, and why


def find(folders: Sequence[Path]) -> Found:
    """Every experiment below the folders; StudyError for no folder, or none with an experiment."""
    seen = _Seen(_given(folders))
    files = sorted(seen.files)
    sources = tuple(source for layout in layouts() for source in layout.find(files))
    if not sources:
        names = ", ".join(str(folder) for folder in folders)
        known = ", ".join(layout.title for layout in layouts())
        found = f"no experiment found in {names}; known layouts: {known}"
        raise StudyError("\n".join([found, *seen.problems]))
    claimed = {file for source in sources for file in (*source.logs, *source.others)}
    others = [seen.name(file) for file in files if file not in claimed]
    empty = [f"{seen.name(folder)}/" for folder in sorted(seen.empty)]
    return Found(
        sources=sources, strangers=(*others, *empty), problems=tuple(sorted(seen.problems))
    )


def _given(folders: Sequence[Path]) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise StudyError(f"{folder} is not a folder; give the folders of experiments")
    return [folder.resolve() for folder in folders]


@dataclass
class _Seen:
    """All that lies below the given folders, each folder once; links are followed."""

    given: list[Path]
    files: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known: set[str] = set()
        for folder in self.given:
            for above, below, names in os.walk(folder, onerror=self._refused, followlinks=True):
                real = os.path.realpath(above)
                if real in known:  # a link in a circle, or a folder that was given twice
                    below.clear()
                    continue
                known.add(real)
                below.sort()
                if not below and not names:
                    self.empty.append(Path(above))
                for name in names:
                    self._take(Path(above) / name)

    def name(self, path: Path) -> str:
        return os.fsencode(_name(path, self.given)).decode(errors="replace")

    def _take(self, path: Path) -> None:
        if not _is_text(path):
            self.problems.append(f"{self.name(path)} cannot be read: its name is not UTF-8")
        elif (reason := _why_no_file(path)) is not None:
            self.problems.append(f"{self.name(path)} cannot be read: {reason}")
        else:
            self.files.append(path)

    def _refused(self, err: OSError) -> None:
        self.problems.append(f"{self.name(Path(err.filename))} cannot be read: {err.strerror}")


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _why_no_file(path: Path) -> str | None:
    """Why there is nothing to read, None for a file; a link to nothing is none, nor is a pipe."""
    try:
        return None if stat.S_ISREG(path.stat().st_mode) else "it is no regular file"
    except OSError as err:
        return str(err.strerror)


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
