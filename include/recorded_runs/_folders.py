"""Finds the experiments in folders, and names files that belong to none."""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from include.errors import StudyError
from include.recorded_runs import layouts as all_layouts
from include.recorded_runs._programs import (
    application_by_path,
    application_in,
    other_program,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from include.recorded_runs import Experiment, Layout, Source


_ENDINGS_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Files below the given folders; names begin with the given folder."""

    sources: tuple[Source, ...]
    strangers: tuple[str, ...] = ()  # files of no layout, and empty folders
    problems: tuple[str, ...] = ()  # unreadable places, with the reason
    foreign: tuple[tuple[str, str], ...] = ()  # logs without a parser, and their programs


def find(folders: Sequence[Path], *, layouts: Sequence[Layout] | None = None) -> Contents:
    """Every experiment below the folders; StudyError for no folder, or none with an experiment.

    `layouts`: all by default. A file belongs to the first of them that claims it.
    """
    visited = _Walk(_given(folders))
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
                sources += _by_application(own)
        left = [file for file in left if file not in claimed]
    _require(sources, foreign, problems=visited.problems, folders=folders, layouts=known)
    empty = [f"{visited.name(folder)}/" for folder in sorted(visited.empty)]
    return Contents(
        sources=tuple(sources),
        strangers=(*map(visited.name, left), *empty),
        problems=tuple(sorted(visited.problems)),
        foreign=tuple((visited.name(log), program) for log, program in foreign.items()),
    )


def foreign_note(programs: Iterable[str]) -> str | None:
    """One line on the logs of programs without a parser, None when there are none."""
    counts = Counter(programs)
    listed = ", ".join(f"{count} of {program}" for program, count in counts.most_common())
    return f"logs of other programs, not read: {listed}" if counts else None


def strangers_note(strangers: Sequence[str]) -> str:
    """One line on the files that belong to no layout, by suffix."""
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
    """The source with other programs' logs set apart, None when nothing else is left."""
    if not foreign:
        return source
    logs = tuple(log for log in source.logs if log not in foreign)
    return replace(source, logs=logs, foreign=tuple(foreign)) if logs else None


def _by_application(source: Source) -> Iterator[Source]:
    """The source, split by the application of its logs, whose runs are no repeats of each other.

    A log without a known application is assigned by its name, or else to the most frequent one.
    """
    applications = {log: application_in(log) for log in source.logs}
    counts = Counter(name for name in applications.values() if name)
    if len(counts) <= 1:
        yield source
        return
    (most, _), *_ = counts.most_common(1)
    groups: dict[str, list[Path]] = defaultdict(list)
    for log, name in applications.items():
        named = name or application_by_path(log)
        groups[named if named and named in counts else most].append(log)
    for logs in groups.values():
        others = tuple(log for log in source.logs if log not in logs)
        yield replace(source, logs=tuple(logs), foreign=(*source.foreign, *others))


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
class _Walk:
    """Everything below the given folders, each folder once; links are followed."""

    given: list[Path]
    files: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known: set[str] = set()
        for folder in self.given:
            for above, below, names in os.walk(folder, onerror=self._refused, followlinks=True):
                real = os.path.realpath(above)
                if real in known:  # a circular link, or a folder given twice
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
    """Reason why nothing can be read, None for a file; a pipe or a dangling link is no file."""
    try:
        return None if stat.S_ISREG(path.stat().st_mode) else "it is no regular file"
    except OSError as err:
        return str(err.strerror)


def study_names(experiments: Sequence[Experiment], *, folders: Sequence[Path]) -> tuple[str, ...]:
    """A unique name per experiment: the given folder and the path below it.

    Experiments in one folder are distinguished by their application.
    """
    roots = Counter(experiment.root for experiment in experiments)
    given = [folder.resolve() for folder in folders]
    names = [
        _name(each.root, given) + (f"/{_application(each)}" if roots[each.root] > 1 else "")
        for each in experiments
    ]
    counts: Counter[str] = Counter()
    unique = []
    for name in names:
        counts[name] += 1
        unique.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return tuple(unique)


def _application(experiment: Experiment) -> str:
    names = Counter(run.fields.get("application") for run in experiment.runs)
    return str(names.most_common(1)[0][0] if names else None)


def _name(root: Path, folders: Sequence[Path]) -> str:
    above = [folder for folder in folders if root.is_relative_to(folder)]
    if not above:  # the given folder is part of the experiment
        return root.name
    folder = max(above, key=lambda folder: len(folder.parts))
    return "/".join([folder.name, *root.relative_to(folder).parts])
