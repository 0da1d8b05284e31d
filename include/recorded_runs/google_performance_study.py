"""google-performance-study: many runs in one log, then Flux's blocks for each job.

Source: https://github.com/converged-computing/google-performance-study, `experiments/*/*/size-*`:
`FLUX-RUN START <name>` … `FLUX-RUN END <name>`, `FLUX-JOB START <id> <name>` with `JOBSPEC` and
`EVENTLOG`. The last job comes first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import JobFailed, ParseError
from include.parsers.lines import shown
from include.recorded_runs import Layout, Source, _readings
from include.recorded_runs._bare import by_experiment, name_below, root_above_sizes, run_of
from include.recorded_runs._flux_jobs import FluxJob, experiment, read_job
from include.recorded_runs._logs import parsed, place_of
from include.recorded_runs._text import chunks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from include.recorded_runs import Experiment, Run

_BEGIN, _END = re.compile(r"FLUX-RUN START (\S+)\s*"), re.compile(r"FLUX-RUN END (\S+)\s*")
_JOB = re.compile(r"FLUX-JOB START \S+ (\S+)\s*")
_SPEC, _EVENTS, _JOB_END = "FLUX-JOB-JOBSPEC START", "FLUX-JOB-EVENTLOG START", "FLUX-JOB END"
_SIGN = re.compile(rb"^FLUX-RUN START \S+\s*$", re.MULTILINE)
_COMMAND = re.compile(r"flux run .*?-N ?(?P<nodes>[0-9]+) -n ?(?P<ranks>[0-9]+) .*")
_COMPLAINT = re.compile(r"job\.exception|flux-shell\[.*FATAL|^ERROR|^Abort\(")
_NOTE = "launcher time is from the start of Flux' shells on all nodes to their end (event log)"


@dataclass(frozen=True, kw_only=True)
class _Section:
    """The output of one run."""

    name: str
    lines: tuple[str, ...]
    is_ended: bool


@dataclass(frozen=True, kw_only=True)
class _Blocks:
    """The jobs in one log by name, in the order of the log."""

    sections: tuple[_Section, ...]
    jobs: dict[str, list[FluxJob]]
    command: str | None


class GooglePerformanceStudy(Layout):
    """Several runs per file, each between two markers."""

    title = "google-performance-study"

    def find(self, files: Sequence[Path]) -> Iterable[Source]:
        """One experiment per machine: the folder with the folders of sizes."""
        logs = (file for file in files if file.suffix in {".out", ".log"} and _has_runs(file))
        for root, own in by_experiment(logs, root_above_sizes).items():
            yield Source(layout=self, root=root, logs=own)

    def read(self, source: Source, on_read: Callable[[Path], None]) -> Experiment:
        """All runs; each log is an arm, as each has another container."""
        runs: list[tuple[FluxJob, Run]] = []
        for log in source.logs:
            runs += _runs(log, root=source.root)
            on_read(log)
        return experiment(source, runs, k8s_operator="flux_operator", note=_NOTE)


def _has_runs(file: Path) -> bool:
    try:
        return any(_SIGN.search(chunk) for chunk in chunks_of(file))
    except OSError:
        return False


def _runs(log: Path, *, root: Path) -> list[tuple[FluxJob, Run]]:
    name = name_below(log, root)
    try:
        blocks = parsed(log, lambda lines: _blocks(lines, place=place_of(log)))
    except ParseError as err:
        run = run_of(log, name=name, measure=_raising(err), nodes=None)
        return [(FluxJob(), run)]
    counts: dict[str, int] = defaultdict(int)
    runs = []
    for section in blocks.sections:
        counts[section.name] += 1
        place = counts[section.name]
        own = section.name if place == 1 else f"{section.name}-{place}"
        runs.append(_run(log, section, blocks, name=f"{name}/{own}", place=place))
    return runs


def _raising(error: ParseError) -> Callable[[], _readings.Reading]:
    def measure() -> _readings.Reading:
        raise error

    return measure


def _run(
    log: Path, section: _Section, blocks: _Blocks, *, name: str, place: int
) -> tuple[FluxJob, Run]:
    jobs = blocks.jobs.get(section.name, [])
    count = sum(each.name == section.name for each in blocks.sections)
    job = jobs[::-1][place - 1] if len(jobs) == count else FluxJob()
    script = _COMMAND.search(blocks.command or "")
    nodes, ranks = (
        known or (int(script[key]) if script else None)
        for key, known in (("nodes", job.nodes), ("ranks", job.ranks))
    )
    command = job.command or blocks.command

    def measure() -> _readings.Reading:
        where = f"{place_of(log)}, {section.name}"
        try:
            measured = _readings.measured_lines(
                section.lines, place=where, command=command, ranks=ranks
            )
        except ParseError as err:
            if complaint := next(filter(_COMPLAINT.search, section.lines), None):
                raise JobFailed(f"{err}; the log says {shown(complaint)}") from err
            job.require_success(where)
            raise
        job.require_success(where)
        return measured

    return job, run_of(
        log,
        name=name,
        measure=measure,
        nodes=nodes,
        ranks=ranks,
        fields={
            "application": _readings.application_of(log, None),
            "k8s_operator": f"flux_operator {log.stem}",
            "binding": job.binding,
        },
        more=lambda: {"launcher_time_s": job.shell_s},
    )


def _blocks(lines: Iterable[str], *, place: str) -> _Blocks:
    """The runs and jobs of one log."""
    reader = _Reader(place)
    for line in lines:
        reader.feed(line)
    return reader.result()


class _Reader:
    def __init__(self, place: str) -> None:
        self._place = place
        self._sections: list[_Section] = []
        self._open: tuple[str, list[str]] | None = None
        self._command: str | None = None
        self._jobs: dict[str, list[FluxJob]] = defaultdict(list)
        self._job: str | None = None
        self._part = ""
        self._spec = ""
        self._events: list[str] = []

    def feed(self, line: str) -> None:
        """Take the next line."""
        if begins := _BEGIN.fullmatch(line):
            self._close(is_ended=False)
            self._open = (begins[1], [])
        elif ends := _END.fullmatch(line):
            self._close(is_ended=self._open is not None and self._open[0] == ends[1])
        elif self._open is not None:
            self._open[1].append(line)
        else:
            self._outside(line)

    def result(self) -> _Blocks:
        """Everything in the lines."""
        self._close(is_ended=False)
        return _Blocks(sections=tuple(self._sections), jobs=dict(self._jobs), command=self._command)

    def _close(self, *, is_ended: bool) -> None:
        if self._open is not None:
            name, lines = self._open
            self._sections.append(_Section(name=name, lines=tuple(lines), is_ended=is_ended))
        self._open = None

    def _outside(self, line: str) -> None:
        if begins := _JOB.fullmatch(line):
            self._job, self._part, self._spec, self._events = begins[1], "", "", []
        elif line.startswith(_JOB_END) and self._job is not None:
            if self._spec:
                self._jobs[self._job].append(
                    read_job(self._spec, self._events, place=f"{self._place}, {self._job}")
                )
            self._job = None
        elif line.startswith("FLUX-JOB-"):
            self._part = line.strip()
        elif self._job is not None and line.startswith("{"):
            if self._part == _SPEC:
                self._spec = line
            elif self._part == _EVENTS:
                self._events.append(line)
        elif self._command is None and _COMMAND.search(line):
            self._command = line.strip()


ADAPTER = GooglePerformanceStudy()
