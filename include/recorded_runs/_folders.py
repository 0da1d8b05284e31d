"""Finds the experiments in folders, and names what belongs to none."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.recorded_runs import layouts as all_layouts
from include.recorded_runs._programs import other_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from include.recorded_runs import Layout, Source


_ENDINGS_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Found:
    """Files below the given folders; names begin with the given folder."""

    sources: tuple[Source, ...]
    strangers: tuple[str, ...] = ()  # files that belong to no layout, and empty folders
    problems: tuple[str, ...] = ()  # what could not be looked at, and why
    foreign: tuple[tuple[str, str], ...] = ()  # logs that no parser reads, and whose they are


def find(folders: Sequence[Path], *, layouts: Sequence[Layout] | None = None) -> Found:
    """Every experiment below the folders; StudyError for no folder, or none with an experiment.

    `layouts`: all by default. A file belongs to the first of them that claims it.
    """
    visited = _Seen(_given(folders))
    left = sorted(visited.files)
    known = all_layouts() if layouts is None else tuple(layouts)
    sources: list[Source] = []
    foreign: dict[Path, str] = {}
    for layout in known:
        claimed: set[Path] = set()
        for source in layout.find(left):
            claimed |= {*source.logs, *source.others}
            theirs = {log: name for log in source.logs if (name := other_program(log))}
            foreign |= theirs
            if own := _without(source, theirs):
                sources.append(own)
        left = [file for file in left if file not in claimed]
    _require(sources, foreign, problems=visited.problems, folders=folders, layouts=known)
    empty = [f"{visited.name(folder)}/" for folder in sorted(visited.empty)]
    return Found(
        sources=tuple(sources),
        strangers=(*map(visited.name, left), *empty),
        problems=tuple(sorted(visited.problems)),
        foreign=tuple((visited.name(log), program) for log, program in foreign.items()),
    )


def foreign_note(programs: Iterable[str]) -> str | None:
    """One line on the logs of programs that no parser reads, None when there are none."""
    counts = Counter(programs)
    listed = ", ".join(f"{count} of {program}" for program, count in counts.most_common())
    return f"logs of other programs, not read: {listed}" if counts else None


def strangers_note(strangers: Sequence[str]) -> str:
    """One line on the files that belong to no layout, by their names' endings."""
    if not strangers:
        return "0 files not read"
    counts = Counter(_ending(name) for name in strangers)
    most = [f"{count} {ending}" for ending, count in counts.most_common(_ENDINGS_SHOWN)]
    rest = len(counts) - len(most)
    listed = ", ".join([*most, *([f"{rest} other kinds"] if rest > 0 else [])])
    return f"{len(strangers)} files not read ({listed})"


def _ending(name: str) -> str:
    return "empty folders" if name.endswith("/") else Path(name).suffix or Path(name).name


def _without(source: Source, foreign: Mapping[Path, str]) -> Source | None:
    """The source with the logs of other programs put apart, None when no other is left."""
    if not foreign:
        return source
    logs = tuple(log for log in source.logs if log not in foreign)
    return replace(source, logs=logs, foreign=tuple(foreign)) if logs else None


def _require(
    sources: Sequence[Source],
    foreign: Mapping[Path, str],
    *,
    problems: Sequence[str],
    folders: Sequence[Path],
    layouts: Sequence[Layout],
) -> None:
    """Raise StudyError when nothing can be read."""
    if sources:
        return
    names = ", ".join(str(folder) for folder in folders)
    if note := foreign_note(foreign.values()):
        raise StudyError("\n".join([f"nothing to compare in {names}: {note}", *problems]))
    titles = ", ".join(layout.title for layout in layouts)
    reason = f"no experiment found in {names}; known layouts: {titles}"
    raise StudyError("\n".join([reason, *problems]))


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
    counts: Counter[str] = Counter()
    unique = []
    for name in names:
        counts[name] += 1
        unique.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return tuple(unique)


def _name(root: Path, folders: Sequence[Path]) -> str:
    above = [folder for folder in folders if root.is_relative_to(folder)]
    if not above:  # the folder that was given is a part of the experiment
        return root.name
    folder = max(above, key=lambda folder: len(folder.parts))
    return "/".join([folder.name, *root.relative_to(folder).parts])
