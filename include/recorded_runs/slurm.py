"""Slurm: `<name>.out` with the application's output, `<name>.err` with `time -p`, a pair per job.

Source: https://github.com/converged-computing/performance-study, `aws/parallel-cluster`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.errors import JobFailed, ParseError
from include.parsers import posix_time
from include.parsers.lines import shown
from include.recorded_runs import Experiment, Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, name_below, root_above_sizes, run_of
from include.recorded_runs._logs import parsed, place_of, try_parse
from include.recorded_runs._text import flaw_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Run

_START = re.compile(r"Start time: ([0-9]{9,11})(?:\.[0-9]+)?\s*")
_NODES = re.compile(r"(?:^|[-_])([0-9]+)n(?:[-_.]|$)")
_TIMED = re.compile(r"real[ \t]+[0-9]")
_NOTE = "launcher time is the shell's `time -p` in the .err file, where it was measured once"


class Slurm(Layout):
    """Jobs of a batch system, from the two files of each."""

    title = "Slurm"
    last = 1

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per machine: the folder with the folders of sizes."""
        known = set(files)
        logs = (
            file
            for file in files
            if file.suffix == ".out" and (file.with_suffix(".err") in known or _starts(file))
        )
        for root, own in by_experiment(logs, root_above_sizes).items():
            errors = (log.with_suffix(".err") for log in own)
            yield Source(
                layout=self,
                root=root,
                logs=own,
                others=tuple(file for file in errors if file in known),
            )

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs, in the order of their `Start time`."""
        runs = []
        for log in source.logs:
            runs.append((_began(log), _run(log, root=source.root)))
            on_read(log)
        last = datetime.max.replace(tzinfo=UTC)
        runs.sort(key=lambda each: (each[0] or last, each[1].name))
        return Experiment(
            layout=self.title,
            k8s_operator="slurm",
            root=source.root,
            runs=tuple(run for _, run in runs),
            is_ordered=all(began for began, _ in runs),
            began=min((began for began, _ in runs if began), default=None),
            notes=(_NOTE,),
        )


def _starts(file: Path) -> bool:
    return _began(file) is not None


def _began(log: Path) -> datetime | None:
    line = try_parse(log, lambda lines: next(iter(lines), ""))
    match = _START.fullmatch(line or "")
    return datetime.fromtimestamp(int(match[1]), tz=UTC) if match else None


def _run(log: Path, *, root: Path) -> Run:
    nodes = _NODES.search(log.stem)
    errors = log.with_suffix(".err")

    def measure() -> _readings.Reading:
        try:
            return _readings.measured(log, command=None, ranks=None)
        except ParseError as err:
            if complaint := _complaint(errors):
                raise JobFailed(f"{err}; {place_of(errors)} says {complaint}") from err
            raise

    return run_of(
        log,
        name=name_below(log, root),
        measure=measure,
        nodes=int(nodes[1]) if nodes else None,
        fields={"application": _readings.application_of(log, None)},
        more=lambda: _times(errors),
    )


def _times(errors: Path) -> dict[str, Any]:
    """The launcher's time; none without a file, or if it has none or several."""
    count = try_parse(errors, lambda lines: sum(_TIMED.match(line) is not None for line in lines))
    if count != 1:
        return {}
    return {"launcher_time_s": parsed(errors, posix_time.parse, signs=posix_time.SIGNS).real_s}


def _complaint(errors: Path) -> str | None:
    """The first line of a job's errors that is not a time, quoted; None without one."""
    if flaw_of(errors):
        return None
    line = try_parse(errors, lambda lines: next(filter(_is_word, lines), None))
    return shown(line) if line else None


def _is_word(line: str) -> bool:
    return bool(line.strip()) and not re.match(r"(real|user|sys)\s", line)


ADAPTER = Slurm()
